import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { allEvents, eventsOf } from '../../../test/support/events.ts';
import { keys, nativeServer } from '../../../test/support/native-server.ts';
import type { SteeredJob } from '../../../test/support/steered-job.ts';
import { DragomanError, newId } from '../../core/index.ts';
import { jobOutput } from '../../runner/index.ts';

const events = { accept: 'text/event-stream' };
const cell = { language: 'python', code: '1 + 1' };

let server: Awaited<ReturnType<typeof nativeServer>>;
let session: string;
beforeEach(async () => {
  server = await nativeServer();
  session = (await server.call('POST', '/v1/sessions', {})).json.id;
});

const running = () => server.jobs.latest();
const runningId = () => running().scripted.job.id;
const script = (steps: (job: SteeredJob) => void | Promise<void>) => {
  server.jobs.steps = steps;
};
const post = (body: object = cell, headers: Record<string, string> = {}) =>
  server.call('POST', `/v1/sessions/${session}/executions`, body, headers);
const stream = (headers: Record<string, string> = {}, signal?: AbortSignal) =>
  server.send('POST', `/v1/sessions/${session}/executions`, cell, { ...events, ...headers }, signal);
const names = (list: readonly { event: string }[]) => list.map(({ event }) => event);

describe('one answer', () => {
  it('holds everything', async () => {
    const put = await server.call('PUT', `/v1/sessions/${session}/files/b`, 'b');
    script((job) => {
      job.scripted.write('out/a.csv', 'a,b');
      const said = (text: string) => ({ text, bytes: text.length, truncated: text === 'oops' });
      job.finish({
        stdout: said('hi\n'),
        stderr: said('oops'),
        outputs: [
          { kind: 'display', bundle: { 'image/png': 'AAAA' } },
          { kind: 'result', bundle: { 'text/plain': '2' } },
        ],
        error: { name: 'E', value: 'v', traceback: ['a', 'b'] },
      });
    });
    const { status, json, headers } = await post({
      ...cell,
      files: [{ id: put.json.id, session_id: session, path: 'b' }],
    });
    expect(status).toBe(200);
    expect(headers.get('location')).toBe(`/v1/executions/${json.id}`);
    expect(json).toEqual({
      id: runningId(),
      session_id: session,
      language: 'python',
      status: 'done',
      outcome: 'completed',
      exit_code: 0,
      signal: null,
      state: 'fresh',
      restored: null,
      interpreter: 'kept',
      started_at: '2026-01-01T00:00:00.000Z',
      isolation: 'namespaces',
      stage: 'run',
      usage: { cpu_ms: 8, wall_ms: 12.4, peak_memory_bytes: 1000 },
      compile_usage: null,
      truncated: true,
      deleted: [],
      artifacts_lost: 0,
      lost: [],
      stdout: 'hi\n',
      stderr: 'oops',
      results: [{ 'image/png': 'AAAA' }, { 'text/plain': '2' }],
      error: { name: 'E', value: 'v', traceback: ['a', 'b'] },
      artifacts: [
        {
          id: expect.stringMatching(/^[\w-]{21}$/),
          session_id: session,
          path: 'out/a.csv',
          size: 3,
          mime: 'text/csv',
          sha256: createHash('sha256').update('a,b').digest('hex'),
          created_at: '2026-01-01T00:00:00.000Z',
          source: 'program',
          change: 'created',
        },
      ],
    });
  });

  it('passes on what was asked', async () => {
    const other = (await server.call('POST', '/v1/sessions', {})).json.id;
    const { id } = (await server.call('PUT', `/v1/sessions/${other}/files/in`, 'in')).json;
    const tools = [{ name: 'f', description: 'd', parameters: { type: 'object' } }];
    const files = [{ session_id: other, id, path: 'a' }];
    await post({ ...cell, args: ['x'], stdin: 'in', timeout_ms: 5000, files, tools });
    expect(running().scripted.job).toMatchObject({
      ...cell,
      session: { id: session },
      mode: 'program',
      args: ['x'],
      stdin: 'in',
      limits: { wallMs: 5000 },
      inputs: [{ path: 'a', size: 2 }],
      tools: { definitions: tools },
    });
  });

  it.each([
    [{}, 'language'],
    [{ ...cell, timeout_ms: -1 }, 'timeout_ms'],
    [{ ...cell, files: [{ id: 'x', session_id: 'y', path: 'z' }] }, 'files.0'],
    [{ ...cell, tools: [{ name: 'no spaces' }] }, 'tools.0.name'],
    [{ ...cell, args: { length: 3 } }, 'args'],
  ])('refuses %j', async (body, field) => {
    const { status, json } = await post(body);
    expect([status, json.error]).toEqual([400, 'invalid_request']);
    expect(json.message).toContain(field);
  });

  it('says what the service could not do', async () => {
    script((job) => job.fail(new DragomanError('overloaded', { retryAfterSeconds: 3 })));
    const { status, json, headers } = await post();
    expect([status, json.error, headers.get('retry-after')]).toEqual([503, 'overloaded', '3']);
  });

  it('is not waited for when the caller does not want to', async () => {
    script(() => {});
    const { status, json, headers } = await post(cell, { prefer: 'respond-async' });
    expect([status, ['queued', 'running']]).toEqual([202, expect.arrayContaining([json.status])]);
    const address = headers.get('location')!;
    await expect.poll(async () => (await server.call('GET', address)).json.status).toBe('running');
    const late = server.call('GET', address, undefined, { prefer: 'wait=10' });
    running().finish({ exitCode: 7 });
    expect((await late).json).toMatchObject({ status: 'done', exit_code: 7 });
  });

  it('of a session goes on without its caller, any other ends with it', async () => {
    script(() => {});
    for (const [path, ends] of [
      [`/v1/sessions/${session}/executions`, false],
      ['/v1/executions', true],
    ] as const) {
      const before = server.jobs.jobs.length;
      const leave = new AbortController();
      const left = server.send('POST', path, cell, {}, leave.signal).catch(() => {});
      await vi.waitFor(() => expect(server.jobs.jobs).toHaveLength(before + 1), 20_000);
      leave.abort();
      await left;
      if (ends) await vi.waitFor(() => expect(running().isCancelled).toBe(true), 20_000);
      else await new Promise((resolve) => setTimeout(resolve, 50));
      expect(running().isCancelled).toBe(ends);
    }
  });

  it('tells of one that was cancelled what it had shown, or that it never began', async () => {
    script((job) => job.print('begun'));
    const begun = (await post(cell, { prefer: 'respond-async' })).json.id;
    const waiting = (await post(cell, { prefer: 'respond-async' })).json.id;
    await vi.waitFor(() => expect(server.jobs.jobs).toHaveLength(1), 20_000);
    expect((await server.call('POST', `/v1/executions/${waiting}/cancel`)).status).toBe(409);
    expect((await server.call('GET', `/v1/executions/${waiting}`)).status).toBe(409);
    const { status, json } = await server.call('POST', `/v1/executions/${begun}/cancel`);
    expect([status, json.outcome, json.stdout]).toEqual([200, 'cancelled', 'begun']);
  });
});

describe('events', () => {
  it('leave as they happen', async () => {
    script((job) => job.print('first'));
    const response = await stream();
    expect(response.headers.get('content-type')).toMatch('text/event-stream');
    const reader = eventsOf(response);
    expect((await reader.next()).value).toEqual({
      event: 'start',
      id: undefined,
      data: { id: expect.stringMatching(/^[\w-]{21}$/), session_id: session, language: 'python' },
    });
    expect((await reader.next()).value).toEqual({ event: 'stdout', id: '1', data: { text: 'first' } });
    running().tell({ type: 'result', bundle: { 'text/plain': '2' } });
    expect((await reader.next()).value).toEqual({ event: 'result', id: '2', data: { 'text/plain': '2' } });
    running().finish();
    expect((await reader.next()).value).toMatchObject({ event: 'done', id: '3', data: { outcome: 'completed' } });
    expect((await reader.next()).done).toBe(true);
  });

  it('cut no character in two', async () => {
    const bytes = Buffer.from('aé€🙂');
    script((job) => {
      for (const byte of bytes) job.print(Uint8Array.of(byte));
      job.print('µ', 'stderr');
      job.print(Uint8Array.of(0xe2, 0x82));
      job.finish();
    });
    const all = await allEvents(await stream());
    const text = (name: string) => all.filter(({ event }) => event === name).map(({ data }) => data.text);
    expect(text('stdout')).toEqual(['a', 'é', '€', '🙂', '\ufffd']);
    expect(text('stderr')).toEqual(['µ']);
  });

  it('go on after the last one seen, in the middle of a character too', async () => {
    script((job) => {
      job.print('one');
      job.print(Uint8Array.of(0xe2, 0x82));
      job.print(Uint8Array.of(0xac));
      job.tell({ type: 'error', error: { name: 'E', value: '', traceback: [] } });
      job.finish();
    });
    const all = await allEvents(await stream());
    const numbers = all.map(({ id }) => id);
    expect(numbers).toEqual([undefined, '1', '3', '4', '5']);
    for (const last of ['0', '1', '2', '3', '4']) {
      const again = await server.send('GET', `/v1/executions/${runningId()}`, undefined, {
        ...events,
        'last-event-id': last,
      });
      const expected = all.filter(({ id }) => id !== undefined && Number(id) > Number(last));
      expect((await allEvents(again)).slice(1)).toEqual(expected);
    }
    const over = await server.call('GET', `/v1/executions/${runningId()}`, undefined, {
      ...events,
      'last-event-id': '5',
    });
    expect(over.status).toBe(204);
  });

  it('go on when the connection drops', async () => {
    script((job) => job.print('one'));
    const leave = new AbortController();
    const reader = eventsOf(await stream({}, leave.signal));
    await reader.next();
    const { value } = await reader.next();
    leave.abort();
    await reader.return(undefined).catch(() => {});
    running().print('two');
    expect(running().isCancelled).toBe(false);
    const again = server.send('GET', `/v1/sessions/${session}/executions/${runningId()}`, undefined, {
      ...events,
      'last-event-id': value!.id!,
    });
    const rest = allEvents(await again);
    running().finish();
    expect((await rest).slice(1)).toMatchObject([{ event: 'stdout', data: { text: 'two' } }, { event: 'done' }]);
  });

  it('that are no longer kept are told as a gap', async () => {
    script((job) => {
      // Of what one execution prints, 8 MiB are kept.
      const text = (n: number) => String(n).repeat(3 * 1024 * 1024);
      for (let n = 1; n <= 5; n++) job.tell({ type: 'stdout', text: text(n) });
      job.finish();
    });
    const all = await allEvents(await stream());
    expect(names(all)).toEqual(['start', 'gap', 'stdout', 'stdout', 'done']);
    expect(all[1]!.data).toEqual({ from: 1, to: 3 });
    const again = await server.send('GET', `/v1/executions/${runningId()}`, undefined, {
      ...events,
      'last-event-id': '2',
    });
    expect((await allEvents(again))[1]!.data).toEqual({ from: 3, to: 3 });
  });

  it('of which none is kept are told from what is, as after a restart of the server', async () => {
    script((job) => {
      for (const text of ['a', 'b', 'c']) job.print(text);
      job.finish({
        stdout: { text: 'abc', bytes: 3, truncated: false },
        outputs: [{ kind: 'result', bundle: { 'text/plain': '1' } }],
        error: { name: 'E', value: '', traceback: [] },
      });
    });
    await post();
    const address = `/v1/executions/${runningId()}`;
    await server.service.close();
    const later = await nativeServer({ records: server.service.records });
    const from = async (last: string) => {
      const response = await later.send('GET', address, undefined, { ...events, 'last-event-id': last });
      return (await allEvents(response)).slice(1).map(({ event, id, data }) => [event, id, data.text]);
    };
    expect(await from('')).toEqual([
      ['stdout', undefined, 'abc'],
      ['result', undefined, undefined],
      ['error', undefined, undefined],
      ['done', '4', undefined],
    ]);
    expect(await from('2')).toEqual([
      ['gap', undefined, undefined],
      ['done', '4', undefined],
    ]);
    expect(await from('3')).toEqual([['done', '4', undefined]]);
  });

  it('end with what the service failed with', async () => {
    script((job) => {
      job.print('a');
      job.fail(new DragomanError('session_busy'));
    });
    const all = await allEvents(await stream());
    expect(all.at(-1)).toMatchObject({ event: 'failed', data: { error: 'session_busy' } });
  });

  it('refuses a last event that is no number', async () => {
    await post();
    const path = `/v1/executions/${runningId()}`;
    const { status } = await server.call('GET', path, undefined, { ...events, 'last-event-id': '-1' });
    expect(status).toBe(400);
  });

  it('wait for a slow reader without piling up', async () => {
    let taken = 0;
    const { runner } = server.service;
    const { events } = runner;
    runner.events = async function* (job, after, signal) {
      for await (const event of events.call(runner, job, after, signal)) {
        // The service itself reads too, and without a signal.
        if (signal) taken++;
        yield event;
      }
    };
    script(async (job) => {
      const { type, text } = jobOutput('stdout', Buffer.alloc(100_000, 'x')) as { type: 'stdout'; text: string };
      for (let n = 0; n < 1000; n++) {
        job.tell({ type, text });
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
    const { hostname, port } = new URL(server.base);
    const socket = connect(Number(port), hostname);
    socket.pause();
    const body = JSON.stringify(cell);
    socket.write(
      `POST /v1/sessions/${session}/executions HTTP/1.1\r\nhost: x\r\nx-api-key: ${keys.ann}\r\naccept: text/event-stream\r\n` +
        `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    let before = -1;
    await vi.waitFor(
      () => {
        const isHeld = taken > 0 && taken === before;
        before = taken;
        expect(isHeld).toBe(true);
      },
      { interval: 200, timeout: 20_000 },
    );
    expect(taken).toBeLessThan(300);
    socket.destroy();
  });
});

it('belongs to the key that started it', async () => {
  const { json } = await post();
  const other = { 'x-api-key': keys.bob };
  expect((await server.call('GET', `/v1/executions/${json.id}`, undefined, other)).status).toBe(404);
  expect((await post(cell, other)).status).toBe(404);
  const elsewhere = `/v1/sessions/${newId()}/executions/${json.id}`;
  expect((await server.call('GET', elsewhere)).status).toBe(404);
});
