import { connect } from 'node:net';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { allEvents, eventsOf } from '../../../test/support/events.ts';
import { keys, nativeServer } from '../../../test/support/native-server.ts';
import { DragomanError, newId } from '../../core/index.ts';
import type { ScriptedExecution } from './fixtures/scripted-sessions.ts';

const events = { accept: 'text/event-stream' };
const cell = { language: 'python', code: '1 + 1' };

let server: Awaited<ReturnType<typeof nativeServer>>;
let session: string;
beforeEach(async () => {
  server = await nativeServer();
  session = (await server.call('POST', '/v1/sessions', {})).json.id;
});

const running = () => [...server.sessions.executions.values()].at(-1)!.execution;
const script = (steps: (execution: ScriptedExecution) => void | Promise<void>) => {
  server.sessions.script = steps;
};
const post = (body: object = cell, headers: Record<string, string> = {}) =>
  server.call('POST', `/v1/sessions/${session}/executions`, body, headers);
const stream = (headers: Record<string, string> = {}, signal?: AbortSignal) =>
  server.send('POST', `/v1/sessions/${session}/executions`, cell, { ...events, ...headers }, signal);
const names = (list: readonly { event: string }[]) => list.map(({ event }) => event);

describe('one answer', () => {
  it('holds everything', async () => {
    const file = {
      id: newId(),
      sessionId: session,
      name: 'out/a.csv',
      size: 3,
      digest: 'ab'.repeat(32),
      contentType: 'text/csv',
      readOnly: false,
      createdAt: 0,
      source: 'program' as const,
    };
    script((execution) => {
      const said = (text: string) => ({ text, bytes: text.length, truncated: text === 'oops' });
      execution.finish(
        {
          stdout: said('hi\n'),
          stderr: said('oops'),
          outputs: [
            { kind: 'display', bundle: { 'image/png': 'AAAA' } },
            { kind: 'result', bundle: { 'text/plain': '2' } },
          ],
          error: { name: 'E', value: 'v', traceback: ['a', 'b'] },
        },
        [
          { change: 'created', file },
          { change: 'inherited', path: 'b', ref: { sessionId: session, fileId: newId(), scope: { kind: 'user' } } },
        ],
      );
    });
    const { status, json, headers } = await post();
    expect(status).toBe(200);
    expect(headers.get('location')).toBe(`/v1/executions/${json.id}`);
    expect(json).toEqual({
      id: running().id,
      session_id: session,
      language: 'python',
      status: 'done',
      outcome: 'completed',
      exit_code: 0,
      signal: null,
      state: 'continued',
      interpreter: 'kept',
      started_at: '2026-01-02T03:04:05.000Z',
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
          id: file.id,
          session_id: session,
          path: 'out/a.csv',
          size: 3,
          mime: 'text/csv',
          sha256: file.digest,
          created_at: '1970-01-01T00:00:00.000Z',
          source: 'program',
          change: 'created',
        },
      ],
    });
  });

  it('passes on what was asked', async () => {
    const files = [{ session_id: newId(), id: newId(), path: 'a' }];
    const tools = [{ name: 'f', description: 'd', parameters: { type: 'object' } }];
    await post({ ...cell, args: ['x'], stdin: 'in', timeout_ms: 5000, files, tools });
    const { request } = [...server.sessions.executions.values()].at(-1)!;
    expect(request).toEqual({
      ...cell,
      sessionId: session,
      args: ['x'],
      stdin: 'in',
      wallMs: 5000,
      files: [{ sessionId: files[0]!.session_id, fileId: files[0]!.id, path: 'a', scope: { kind: 'unclaimed' } }],
      tools,
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
    script((execution) => execution.fail(new DragomanError('overloaded', { retryAfterSeconds: 3 })));
    const { status, json, headers } = await post();
    expect([status, json.error, headers.get('retry-after')]).toEqual([503, 'overloaded', '3']);
  });

  it('is not waited for when the caller does not want to', async () => {
    script(() => {});
    const { status, json, headers } = await post(cell, { prefer: 'respond-async' });
    expect([status, json.status]).toEqual([202, 'running']);
    const address = headers.get('location')!;
    expect((await server.call('GET', address)).json.status).toBe('running');
    const late = server.call('GET', address, undefined, { prefer: 'wait=10' });
    await vi.waitFor(() => running().finish({ exitCode: 7 }), 20_000);
    expect((await late).json).toMatchObject({ status: 'done', exit_code: 7 });
  });

  it('of a session goes on without its caller, any other ends with it', async () => {
    script(() => {});
    for (const [path, ends] of [
      [`/v1/sessions/${session}/executions`, false],
      ['/v1/executions', true],
    ] as const) {
      const before = server.sessions.executions.size;
      const leave = new AbortController();
      const left = server.send('POST', path, cell, {}, leave.signal).catch(() => {});
      await vi.waitFor(() => expect(server.sessions.executions.size).toBe(before + 1), 20_000);
      leave.abort();
      await left;
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(running().cancelled).toBe(ends);
    }
  });

  it('of one that was cancelled is a conflict', async () => {
    script(() => {});
    const { json } = await post(cell, { prefer: 'respond-async' });
    const { status } = await server.call('POST', `/v1/executions/${json.id}/cancel`);
    expect(status).toBe(409);
    expect((await server.call('GET', `/v1/executions/${json.id}`)).status).toBe(409);
  });
});

describe('events', () => {
  it('leave as they happen', async () => {
    script((execution) => execution.print('first'));
    const response = await stream();
    expect(response.headers.get('content-type')).toMatch('text/event-stream');
    const reader = eventsOf(response);
    const { id, sessionId } = running();
    expect((await reader.next()).value).toEqual({
      event: 'start',
      id: undefined,
      data: { id, session_id: sessionId, language: 'python' },
    });
    expect((await reader.next()).value).toEqual({ event: 'stdout', id: '1', data: { text: 'first' } });
    running().emit({ type: 'result', bundle: { 'text/plain': '2' } });
    expect((await reader.next()).value).toEqual({ event: 'result', id: '2', data: { 'text/plain': '2' } });
    running().finish();
    expect((await reader.next()).value).toMatchObject({ event: 'done', id: '3', data: { outcome: 'completed' } });
    expect((await reader.next()).done).toBe(true);
  });

  it('cut no character in two', async () => {
    const bytes = Buffer.from('aé€🙂');
    script((execution) => {
      for (const byte of bytes) execution.print(Uint8Array.of(byte));
      execution.print('µ', 'stderr');
      execution.print(Uint8Array.of(0xe2, 0x82));
      execution.finish();
    });
    const all = await allEvents(await stream());
    const text = (name: string) => all.filter(({ event }) => event === name).map(({ data }) => data.text);
    expect(text('stdout')).toEqual(['a', 'é', '€', '🙂', '\ufffd']);
    expect(text('stderr')).toEqual(['µ']);
  });

  it('go on after the last one seen, in the middle of a character too', async () => {
    script((execution) => {
      execution.print('one');
      execution.print(Uint8Array.of(0xe2, 0x82));
      execution.print(Uint8Array.of(0xac));
      execution.emit({ type: 'error', error: { name: 'E', value: '', traceback: [] } });
      execution.finish();
    });
    const all = await allEvents(await stream());
    const numbers = all.map(({ id }) => id);
    expect(numbers).toEqual([undefined, '1', '3', '4', '5']);
    for (const last of ['0', '1', '2', '3', '4']) {
      const again = await server.send('GET', `/v1/executions/${running().id}`, undefined, {
        ...events,
        'last-event-id': last,
      });
      const expected = all.filter(({ id }) => id !== undefined && Number(id) > Number(last));
      expect((await allEvents(again)).slice(1)).toEqual(expected);
    }
    const over = await server.call('GET', `/v1/executions/${running().id}`, undefined, {
      ...events,
      'last-event-id': '5',
    });
    expect(over.status).toBe(204);
  });

  it('go on when the connection drops', async () => {
    script((execution) => execution.print('one'));
    const leave = new AbortController();
    const reader = eventsOf(await stream({}, leave.signal));
    await reader.next();
    const { value } = await reader.next();
    leave.abort();
    await reader.return(undefined).catch(() => {});
    running().print('two');
    expect(running().cancelled).toBe(false);
    const again = server.send('GET', `/v1/sessions/${session}/executions/${running().id}`, undefined, {
      ...events,
      'last-event-id': value!.id!,
    });
    const rest = allEvents(await again);
    running().finish();
    expect((await rest).slice(1)).toMatchObject([{ event: 'stdout', data: { text: 'two' } }, { event: 'done' }]);
  });

  it('that are no longer kept are told as a gap', async () => {
    script((execution) => {
      for (let n = 1; n <= 5; n++) execution.print(String(n));
      execution.forget(3);
      execution.finish();
    });
    const all = await allEvents(await stream());
    expect(names(all)).toEqual(['start', 'gap', 'stdout', 'stdout', 'done']);
    expect(all[1]!.data).toEqual({ from: 1, to: 3 });
    const again = await server.send('GET', `/v1/executions/${running().id}`, undefined, {
      ...events,
      'last-event-id': '2',
    });
    expect((await allEvents(again))[1]!.data).toEqual({ from: 3, to: 3 });
  });

  it('of which none is kept are told from what is', async () => {
    script((execution) => {
      for (const text of ['a', 'b', 'c']) execution.print(text);
      execution.forget(3);
      execution.finish({
        stdout: { text: 'abc', bytes: 3, truncated: false },
        outputs: [{ kind: 'result', bundle: { 'text/plain': '1' } }],
        error: { name: 'E', value: '', traceback: [] },
      });
    });
    await post();
    const from = async (last: string) => {
      const address = `/v1/executions/${running().id}`;
      const response = await server.send('GET', address, undefined, { ...events, 'last-event-id': last });
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
    script((execution) => {
      execution.print('a');
      execution.fail(new DragomanError('session_busy'));
    });
    const all = await allEvents(await stream());
    expect(all.at(-1)).toMatchObject({ event: 'failed', data: { error: 'session_busy' } });
  });

  it('refuses a last event that is no number', async () => {
    await post();
    const path = `/v1/executions/${running().id}`;
    const { status } = await server.call('GET', path, undefined, { ...events, 'last-event-id': '-1' });
    expect(status).toBe(400);
  });

  it('wait for a slow reader without piling up', async () => {
    let taken = 0;
    script((execution) => {
      const { events } = execution;
      execution.events = async function* (after, signal) {
        for await (const event of events.call(execution, after, signal)) {
          taken++;
          yield event;
        }
      };
      for (let n = 0; n < 1000; n++) execution.print('x'.repeat(100_000));
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

describe('tools', () => {
  const call = (id: string) => ({ id, name: 'f', input: { id } });

  it('are asked for, answered and asked for again', async () => {
    script((execution) => execution.emit({ type: 'tool_calls', calls: [call('a'), call('b')] }));
    const { json } = await post();
    expect(json).toMatchObject({ status: 'tool_calls', tool_calls: [call('a'), call('b')] });
    const path = `/v1/sessions/${session}/executions/${json.id}/tool_results`;
    const partly = await server.call('POST', path, { results: [{ id: 'a', value: { x: 1 } }] });
    expect(partly.json.tool_calls).toEqual([call('b')]);
    const next = server.call('POST', path, { results: [{ id: 'b', error: 'no' }] });
    await vi.waitFor(() => expect(running().status).toBe('running'), 20_000);
    running().emit({ type: 'tool_calls', calls: [call('c')] });
    expect((await next).json.tool_calls).toEqual([call('c')]);
    const last = server.call('POST', path, { results: [{ id: 'c' }] });
    await vi.waitFor(() => expect(running().status).toBe('running'), 20_000);
    running().finish();
    expect((await last).json.status).toBe('done');
    expect(running().answers).toEqual([
      { id: 'a', value: { x: 1 } },
      { id: 'b', error: 'no' },
      { id: 'c', value: null },
    ]);
  });

  it('are told once each in a stream', async () => {
    script((execution) => {
      execution.emit({ type: 'tool_calls', calls: [call('a'), call('b')] });
      execution.emit({ type: 'tool_calls', calls: [call('b'), call('c')] });
      execution.finish();
    });
    const calls = (await allEvents(await stream())).filter(({ event }) => event === 'tool_call');
    expect(calls.map(({ id, data }) => [id, data.id])).toEqual([
      [undefined, 'a'],
      ['1', 'b'],
      ['2', 'c'],
    ]);
  });

  it.each([
    [{ results: [{ id: 'z', value: 1 }] }, 400],
    [{ results: [] }, 400],
    [{}, 400],
  ])('refuse %j', async (body, status) => {
    script((execution) => execution.emit({ type: 'tool_calls', calls: [call('a')] }));
    const { json } = await post();
    expect((await server.call('POST', `/v1/executions/${json.id}/tool_results`, body)).status).toBe(status);
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
