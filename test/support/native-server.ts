import { native } from '../../src/dialects/native/index.ts';
import { UsageLedger } from '../../src/service/index.ts';
import type { Records } from '../../src/stores/index.ts';
import { idleServices, serve } from './http.ts';
import { scriptedService } from './scripted-service.ts';
import { steering } from './steered-job.ts';

/** Keys of two callers. */
export const keys = { ann: 'ann-key', bob: 'bob-key' };

/** The dialect behind the real HTTP room, over the real service, whose jobs do what a test says. */
export async function nativeServer({ records }: { records?: Records } = {}) {
  const jobs = steering();
  const service = scriptedService(jobs.script, { ...(records ? { records } : {}), maxFileBytes: 1000 });
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  const usage = new UsageLedger({ records: service.records.usage, logger, now: Date.now });
  const { sessions, executions, kernels, commands, sandboxFiles, fileService: storedFiles } = service;
  const { listen, log } = serve({
    dialects: [
      native({ ...idleServices(), sessions, executions, kernels, commands, sandboxFiles, usage, storedFiles }),
    ],
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

  return { base, jobs, service, usage, log, call, send };
}
