import { DragomanError, type FileRef, type Principal } from '../../src/core/index.ts';
import { ScriptedSessions } from '../../src/dialects/native/fixtures/scripted-sessions.ts';
import { native } from '../../src/dialects/native/index.ts';
import { UsageLedger } from '../../src/service/index.ts';
import { idleFiles, idleServices, serve } from './http.ts';
import { memoryRecords } from './records.ts';

/** Keys of two callers. */
export const keys = { ann: 'ann-key', bob: 'bob-key' };

/** The dialect behind the real HTTP room, over sessions that do what a test says. */
export async function nativeServer() {
  const sessions = new ScriptedSessions();
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  const usage = new UsageLedger({ records: memoryRecords().usage, logger, now: Date.now });
  const services = {
    ...idleServices(),
    sessions,
    executions: sessions,
    usage,
    storedFiles: {
      ...idleFiles,
      async open(principal: Principal, { sessionId, fileId }: FileRef) {
        const file = (await sessions.files(principal, sessionId)).find(({ id }) => id === fileId)!;
        return { file, content: sessions.open(file) };
      },
      storage: async () => ({ used: 30, allowed: 1000 }),
      async list() {
        throw new DragomanError('not_found', { message: 'Session not found' });
      },
    },
  };
  const { listen, log } = serve({
    dialects: [native(services)],
    authentication: {
      keys: Object.entries(keys).map(([name, secret]) => ({ name, secret })),
    },
  });
  const base = await listen();

  async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const response = await send(method, path, body, headers);
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json');
    return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : undefined };
  }

  function send(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
    signal?: AbortSignal,
  ) {
    return fetch(base + path, {
      method,
      headers: {
        'x-api-key': keys.ann,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  }

  return { base, sessions, usage, log, call, send };
}
