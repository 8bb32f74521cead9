import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { testAgent } from '../../../test/support/agent.ts';
import { said } from '../../../test/support/cell-result.ts';
import type { Script } from '../../../test/support/scripted-runner.ts';
import { scriptedService } from '../../../test/support/scripted-service.ts';
import { silent } from '../../../test/support/silent.ts';
import { type ScriptedUpstream, startUpstream } from '../../../test/support/upstream.ts';
import { DragomanError } from '../../core/index.ts';
import { MemoryEventLog } from '../../event-log/index.ts';
import type { Executions } from '../../service/index.ts';
import { createAssistant } from '../assistant.ts';
import { ann, bob, message } from '../fixtures/room.ts';
import type { ResponseRequest } from '../responses/request.ts';
import { isUnderWay, type ResponseEvent } from '../responses/response.ts';
import { planOfResponse } from './plan.ts';

let upstream: ScriptedUpstream;
beforeAll(async () => {
  upstream = await startUpstream();
});
afterAll(() => upstream.close());
beforeEach(() => upstream.reset());

const settings: ResponseRequest['settings'] = {
  model: undefined,
  functions: [],
  toolChoice: 'auto',
  parallelToolCalls: undefined,
  maxOutputTokens: undefined,
  temperature: undefined,
  topP: undefined,
  reasoningEffort: undefined,
  format: undefined,
  upstreamKey: undefined,
};
const asked: ResponseRequest = {
  input: [message('Hi')],
  code: { files: [], settings: {} },
  settings,
  background: true,
  stored: true,
  echo: {},
};
const minute = 60_000;

/** Processes over the same records and the same workers. Each has a clock of its own: leases end where it has moved on. */
function house(script: Script = async ({ job }) => ({ stdout: said(`ran ${job.code}\n`) })) {
  const service = scriptedService(script);
  const { sessions, fileService: storedFiles, records } = service;
  const gateway = (at = 0, { executions = service.executions as Executions, isShared = true } = {}) => {
    const assistant = createAssistant({
      agent: testAgent({ executions, baseUrl: upstream.baseUrl }),
      sessions,
      storedFiles,
      documents: records.documents,
      leases: isShared ? records.leases : undefined,
      log: new MemoryEventLog<ResponseEvent>({ maxLogs: 9, maxBytes: 1e9, maxLogBytes: 1e9, ttlMs: 1000 }),
      retentionMs: 1e9,
      logger: silent,
      times: { tickMs: 100, leaveMs: 200 },
      now: () => service.now + at,
    });
    onTestFinished(() => assistant.close());
    const { responses } = assistant;
    return {
      responses,
      start: () => responses.start(),
      close: () => assistant.close(),
      async begin(request: Partial<ResponseRequest> = {}, principal = ann): Promise<string> {
        const run = await responses.begin(principal, { ...asked, ...request });
        responses.follow(run);
        return run.id;
      },
      /** Its events to the end, or until one of them is as wanted. */
      async events(id: string, wanted: (event: ResponseEvent) => boolean = () => false): Promise<ResponseEvent[]> {
        const seen: ResponseEvent[] = [];
        for await (const event of await responses.events(ann, id, AbortSignal.timeout(20_000))) {
          seen.push(event);
          if (wanted(event)) break;
        }
        return seen;
      },
      ended: (id: string) =>
        expect.poll(async () => isUnderWay(await responses.get(ann, id)), { timeout: 20_000 }).toBe(false),
    };
  };
  /** Everything that background responses keep while they are under way. */
  const kept = async () => {
    const kinds = ['assistant_response_journal', 'assistant_response_plan'];
    const own = await Promise.all(kinds.map((kind) => records.documents.list(kind, ann, { limit: 99, order: 'asc' })));
    const service = { tenant: '', id: '' };
    const shared = ['background_response', 'background_cancellation'];
    const others = shared.map((kind) => records.documents.list(kind, service, { limit: 99, order: 'asc' }));
    return [...own, ...(await Promise.all(others))].flat().length;
  };
  return { service, gateway, kept, jobs: service.runner.submitted };
}

const isText = (event: ResponseEvent) => event.type === 'delta';
const textOf = (items: readonly object[]) =>
  items.map((item) => ('parts' in item ? (item.parts as { text: string }[]).map(({ text }) => text).join('') : ''));
const never = new Promise(() => {});

describe('a background response', () => {
  it('is in the records before its model is asked, and leaves nothing there but itself', async () => {
    const { gateway, kept } = house();
    const go = Promise.withResolvers<void>();
    upstream.say([{ until: go.promise }, { python: '1' }], [{ text: ['a', 'b'] }]);
    const [one, other] = [gateway(), gateway()];
    const id = await one.begin();
    expect(await other.responses.get(ann, id)).toMatchObject({ status: 'queued', background: true });
    expect(await kept()).toBeGreaterThan(0);
    go.resolve();
    const events = await one.events(id);
    expect(await other.events(id)).toEqual(events);
    expect(events.at(-1)).toMatchObject({ type: 'ended', response: { status: 'completed' } });
    await expect.poll(kept).toBe(0);
  });

  it('is followed on another gateway while it is made', async () => {
    const { gateway } = house();
    const go = Promise.withResolvers<void>();
    upstream.say([{ text: ['first'] }, { until: go.promise }, { text: ['second'] }]);
    const [one, other] = [gateway(), gateway()];
    const id = await one.begin();
    expect((await other.events(id, isText)).at(-1)).toEqual({ type: 'delta', delta: 'first' });
    expect(await other.responses.get(ann, id)).toMatchObject({ status: 'in_progress' });
    go.resolve();
    expect(await other.events(id)).toEqual(await one.events(id));
  });

  it('is cancelled on another gateway', async () => {
    const { gateway } = house();
    upstream.say([{ text: ['first'] }, { until: never }]);
    const [one, other] = [gateway(), gateway()];
    one.start();
    const id = await one.begin();
    await one.events(id, isText);
    expect(await other.responses.cancel(ann, id)).toMatchObject({ status: 'cancelled' });
    expect(textOf((await one.responses.get(ann, id)).items)).toEqual(['first']);
  });

  it('is removed on another gateway, and the one that makes it writes nothing more of it', async () => {
    const { gateway, kept, jobs } = house(async ({ interrupted, signal }) => {
      await Promise.race([interrupted, new Promise((resolve) => signal.addEventListener('abort', resolve))]);
      return { outcome: 'cancelled' };
    });
    upstream.say([{ python: 'loop()' }]);
    const [one, other] = [gateway(), gateway()];
    const id = await one.begin();
    await expect.poll(() => jobs.length).toBe(1);
    await other.responses.delete(ann, id);
    await expect(other.responses.get(ann, id)).rejects.toMatchObject({ reason: 'response_not_found' });
    expect(await kept()).toBe(0);
  });

  it('counts against its principal on every gateway, and against no other', async () => {
    const { gateway } = house();
    upstream.always([{ until: never }]);
    const [one, other] = [gateway(), gateway()];
    for (let n = 0; n < 16; n++) for (const each of [one, other]) await each.begin();
    for (const each of [one, other]) await expect(each.begin()).rejects.toMatchObject({ code: 'rate_limited' });
    await expect(other.begin({}, bob)).resolves.toBeDefined();
  });
});

describe('when its process is silent, another one', () => {
  it('asks the model again where nothing had begun, and tells its events on under their numbers', async () => {
    const { gateway, kept } = house();
    upstream.say([{ text: ['half of ', 'it'] }, { until: never }]);
    const one = gateway();
    const id = await one.begin();
    const told = await one.events(id, (event) => event.type === 'delta' && event.delta === 'it');
    // A reader that stays: the gateway itself notices later that it has lost the response.
    const reading = one.events(id);
    upstream.say([{ text: ['the whole'] }]);
    const other = gateway(minute);
    other.start();
    const events = await other.events(id);
    expect(events.slice(0, told.length)).toEqual(told);
    const response = await other.responses.get(ann, id);
    expect(response).toMatchObject({ status: 'completed', items: [{ status: 'incomplete' }, { status: 'completed' }] });
    expect(textOf(response.items)).toEqual(['half of it', 'the whole']);
    one.start();
    expect(await reading).toEqual(events);
    await expect.poll(kept).toBe(0);
  });

  it('reads what code came to that was sent before, and sends it no second time', async () => {
    const go = Promise.withResolvers<void>();
    const { gateway, jobs } = house(async () => {
      await go.promise;
      return { stdout: said('42\n') };
    });
    upstream.say([{ text: 'Let me see.' }, { python: 'once()' }], [{ text: 'It is 42.' }]);
    const one = gateway();
    const id = await one.begin();
    await expect.poll(() => jobs.length).toBe(1);
    const other = gateway(minute);
    other.start();
    await expect.poll(() => other.responses.get(ann, id)).toMatchObject({ status: 'in_progress' });
    go.resolve();
    await other.ended(id);
    const { items, usage } = await other.responses.get(ann, id);
    expect(items).toMatchObject([
      { type: 'message', status: 'completed' },
      { type: 'code', status: 'completed', code: 'once()', outputs: [{ type: 'logs', text: '42\n' }] },
      { type: 'message', status: 'completed' },
    ]);
    expect(usage).toMatchObject({ inputTokens: 20 });
    expect(jobs.map(({ code }) => code)).toEqual(['once()']);
    expect(upstream.requests.at(-1)!.body.messages.at(-1)).toMatchObject({ role: 'tool', content: '42' });
  });

  it('tells the model where nothing is known of code that was sent, and runs it no second time', async () => {
    const { gateway, jobs, service } = house(async () => {
      await never;
      return undefined;
    });
    upstream.say([{ python: 'once()', id: 'call_1' }], [{ text: 'I do not know.' }]);
    const one = gateway();
    const id = await one.begin();
    await expect.poll(() => jobs.length).toBe(1);
    const executions: Executions = {
      start: () => Promise.reject(new Error('nothing is sent again')),
      find: () => Promise.reject(new DragomanError('not_found')),
    };
    const other = gateway(minute, { executions });
    other.start();
    await other.ended(id);
    expect(await other.responses.get(ann, id)).toMatchObject({
      status: 'completed',
      items: [{ type: 'code', status: 'incomplete', outputs: [{ type: 'logs' }] }, { type: 'message' }],
    });
    expect(upstream.requests.at(-1)!.body.messages.at(-1).content).toContain('not run again');
    service.runner.script = async () => undefined;
  });

  it('serves the rest of the turn behind code that was sent', async () => {
    const go = Promise.withResolvers<void>();
    const { gateway, jobs } = house(async ({ job }) => {
      if (job.code === 'one()') await go.promise;
      return { stdout: said(`${job.code}\n`) };
    });
    upstream.say(
      [{ python: 'one()', id: 'call_1' }, { text: 'then' }, { python: 'two()', id: 'call_2' }],
      [{ text: 'done' }],
    );
    const one = gateway();
    const id = await one.begin();
    await expect.poll(() => jobs.length).toBe(1);
    const other = gateway(minute);
    other.start();
    go.resolve();
    await other.ended(id);
    expect(jobs.map(({ code }) => code)).toEqual(['one()', 'two()']);
    const { items } = await other.responses.get(ann, id);
    expect(items.map((item) => [item.type, 'status' in item && item.status])).toEqual([
      ['code', 'completed'],
      ['message', 'completed'],
      ['code', 'completed'],
      ['message', 'completed'],
    ]);
  });

  it('ends it when it was cancelled meanwhile', async () => {
    const { gateway } = house();
    upstream.say([{ text: ['first'] }, { until: never }]);
    const one = gateway();
    const id = await one.begin();
    await one.events(id, isText);
    upstream.say([{ until: never }]);
    const other = gateway(minute);
    const cancelled = other.responses.cancel(ann, id);
    other.start();
    expect(await cancelled).toMatchObject({ status: 'cancelled' });
  });

  it('ends it where it cannot go on, and says why', async () => {
    const { gateway, kept, service } = house();
    upstream.always([{ text: ['first'] }, { until: never }]);
    const one = gateway();
    const old = await one.begin();
    const withKey = await one.begin();
    for (const id of [withKey, old]) await one.events(id, isText);
    const plan = (await service.records.documents.get('assistant_response_plan', withKey))!;
    await service.records.documents.put({ ...plan, body: { ...(plan.body as object), hadKey: true } });
    gateway(minute).start();
    const other = gateway(7 * 60 * minute);
    other.start();
    for (const [id, why] of [
      [withKey, /key of its caller/],
      [old, /long ago/],
    ] as const) {
      await other.ended(id);
      expect(await other.responses.get(ann, id)).toMatchObject({
        status: 'failed',
        error: { message: expect.stringMatching(why) },
      });
      expect((await other.events(id)).at(-1)).toMatchObject({ type: 'ended' });
    }
    await expect.poll(kept).toBe(0);
  });

  it('does not begin it for ever', async () => {
    const { gateway } = house();
    upstream.always([{ text: ['again'] }, { until: never }]);
    let latest = gateway();
    const id = await latest.begin();
    for (let n = 1; n <= 3; n++) {
      latest = gateway(n * minute);
      latest.start();
      await expect.poll(() => upstream.requests.length).toBe(n + 1);
    }
    const last = gateway(4 * minute);
    last.start();
    await last.ended(id);
    expect(await last.responses.get(ann, id)).toMatchObject({
      status: 'failed',
      error: { message: expect.stringContaining('several times') },
    });
  });
});

it('is planned without the key of its caller', () => {
  const request = { ...settings, messages: [], code: undefined, upstreamKey: 'secret-of-ann' };
  const rest = { workplace: undefined, conversationId: undefined, earlierSession: undefined, uncited: [] };
  const plan = planOfResponse({ principal: { ...ann, isAdmin: true }, request, ...rest });
  expect(plan).toMatchObject({ hadKey: true });
  expect(JSON.stringify(plan)).not.toMatch(/secret-of-ann|isAdmin/);
});

describe('in one process alone, a background response', () => {
  it('goes on after the service was stopped in order, with what its code came to', async () => {
    const go = Promise.withResolvers<void>();
    const { gateway, jobs } = house(async () => {
      await go.promise;
      return { stdout: said('42\n') };
    });
    upstream.say([{ python: 'once()' }], [{ text: 'It is 42.' }]);
    const one = gateway(0, { isShared: false });
    const id = await one.begin();
    await expect.poll(() => jobs.length).toBe(1);
    const closing = one.close();
    go.resolve();
    await closing;
    expect(upstream.requests).toHaveLength(1);
    const next = gateway(1, { isShared: false });
    expect(await next.responses.get(ann, id)).toMatchObject({ status: 'in_progress' });
    next.start();
    await next.ended(id);
    expect(await next.responses.get(ann, id)).toMatchObject({
      status: 'completed',
      items: [{ type: 'code', outputs: [{ text: '42\n' }] }, { type: 'message' }],
    });
    expect(jobs).toHaveLength(1);
  });
});
