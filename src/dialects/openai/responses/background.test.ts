import { beforeEach, describe, expect, it } from 'vitest';
import { DragomanError } from '../../../core/index.ts';
import { eventsOf, responsesApp } from './fixtures/app.ts';
import { end, says } from './fixtures/scripted-agent.ts';

let face: Awaited<ReturnType<typeof responsesApp>>;
beforeEach(async () => {
  face = await responsesApp();
});

const code = { tools: [{ type: 'code_interpreter', container: { type: 'auto' } }] };

describe('in the background', () => {
  it('is queued, then completed, for its streams and its readers', async () => {
    const go = Promise.withResolvers<void>();
    face.agent.say(async function* () {
      await go.promise;
      yield { type: 'text', delta: 'a' };
      yield end();
    });
    const { id, status } = await face.create({ input: 'x', background: true });
    expect(status).toBe('queued');
    expect((await face.call('GET', `/responses/${id}`)).json.status).toBe('queued');
    const following = face.call('GET', `/responses/${id}?stream=true`);
    go.resolve();
    const events = eventsOf((await following).text);
    expect(events.slice(0, 3).map(({ type }) => type)).toEqual([
      'response.created',
      'response.queued',
      'response.in_progress',
    ]);
    expect((await face.call('GET', `/responses/${id}`)).json.status).toBe('completed');
    expect(eventsOf((await face.call('GET', `/responses/${id}?stream=true`)).text)).toEqual(events);
  });

  it('can be cancelled, more than once', async () => {
    face.agent.say(async function* (_request, signal) {
      yield { type: 'text', delta: 'a' };
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      yield end('cancelled');
    });
    const { id } = await face.create({ input: 'x', background: true });
    for (let n = 0; n < 2; n++)
      expect(await face.call('POST', `/responses/${id}/cancel`)).toMatchObject({
        status: 200,
        json: { status: 'cancelled' },
      });
    const events = eventsOf((await face.call('GET', `/responses/${id}?stream=true`)).text);
    expect(events.at(-1)).toMatchObject({ type: 'response.incomplete', response: { status: 'cancelled' } });
  });

  it('keeps what its code had printed when it was cancelled', async () => {
    face.agent.say(async function* (request, signal) {
      yield { type: 'code_start', callId: 'c' };
      yield { type: 'code_ready', callId: 'c', code: 'loop()', sessionId: await request.code!.session() };
      yield { type: 'code_output', callId: 'c', event: { type: 'stdout', data: Buffer.from('so far\n') } };
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      yield end('cancelled');
    });
    const { id } = await face.create({ input: 'x', background: true, ...code });
    await face.call('POST', `/responses/${id}/cancel`);
    const { json } = await face.call('GET', `/responses/${id}?include[]=code_interpreter_call.outputs`);
    expect(json.output).toMatchObject([{ status: 'incomplete', outputs: [{ type: 'logs', logs: 'so far\n' }] }]);
  });

  it('cannot be cancelled when it is not there', async () => {
    face.agent.say(says('a'));
    const { id } = await face.create({ input: 'x' });
    expect(await face.call('POST', `/responses/${id}/cancel`)).toMatchObject({
      status: 400,
      json: { error: { message: 'Cannot cancel a synchronous response.' } },
    });
  });

  it('fails in its own time', async () => {
    face.agent.say(async function* () {
      yield* [];
      throw new DragomanError('upstream_failed');
    });
    const { id } = await face.create({ input: 'x', background: true });
    const following = await face.call('GET', `/responses/${id}?stream=true`);
    expect(eventsOf(following.text).at(-1)!.type).toBe('response.failed');
    expect((await face.call('GET', `/responses/${id}`)).json).toMatchObject({
      status: 'failed',
      error: { code: 'server_error', message: expect.any(String), type: 'server_error' },
    });
  });

  it('goes on when the service was restarted meanwhile', async () => {
    face.agent.say(async function* () {
      await new Promise(() => {});
      yield end();
    });
    const { id } = await face.create({ input: 'x', background: true });
    const after = await responsesApp({ records: face.service.records });
    expect((await after.call('GET', `/responses/${id}`)).json).toMatchObject({ status: 'queued', error: null });
    after.agent.say(says('a'));
    after.start();
    await expect
      .poll(async () => (await after.call('GET', `/responses/${id}`)).json)
      .toMatchObject({ status: 'completed', output: [{ content: [{ text: 'a' }] }] });
  });

  it('is streamed on behind the event that a client names in either way', async () => {
    face.agent.say(says('a', 'b', 'c'));
    const { id } = await face.create({ input: 'x', background: true });
    const all = eventsOf((await face.call('GET', `/responses/${id}?stream=true`)).text);
    const ids = (await face.call('GET', `/responses/${id}?stream=true`)).text.match(/^id: .*$/gm);
    expect(ids).toEqual(all.map(({ sequence_number }) => `id: ${sequence_number}`));
    const behind = async (query: string, headers = {}) =>
      eventsOf((await face.call('GET', `/responses/${id}?stream=true${query}`, undefined, 'ann', headers)).text);
    expect(await behind('&starting_after=4')).toEqual(all.slice(5));
    expect(await behind('', { 'last-event-id': '4' })).toEqual(all.slice(5));
    // A client that reconnects repeats its address, and has seen more by then.
    expect(await behind('&starting_after=2', { 'last-event-id': '5' })).toEqual(all.slice(6));
    const bad = await face.call('GET', `/responses/${id}?stream=true`, undefined, 'ann', { 'last-event-id': 'x' });
    expect(bad).toMatchObject({ status: 400, json: { error: { message: expect.stringContaining('Last-Event-ID') } } });
  });
});
