import { e2b, e2bSandbox } from '../../src/dialects/e2b/index.ts';
import { opensandbox } from '../../src/dialects/opensandbox/index.ts';
import { SessionTokens } from '../../src/service/index.ts';
import { idleServices, serve } from './http.ts';
import { scriptedService } from './scripted-service.ts';
import { steering } from './steered-job.ts';

/** Keys of two callers, in the form that older E2B clients insist on. */
export const keys = { ann: `e2b_${'a'.repeat(32)}`, bob: `e2b_${'b'.repeat(32)}` };

/** The APIs about sandboxes behind the real HTTP room, over the real service, whose jobs do what a test says. */
export async function sandboxServer() {
  const jobs = steering();
  const service = scriptedService(jobs.script);
  const { sessions, executions, kernels, commands, sandboxFiles } = service;
  const services = {
    ...idleServices(),
    ...{ sessions, executions, kernels, commands, sandboxFiles },
    sessionTokens: new SessionTokens(Buffer.alloc(32, 7)),
    now: () => service.now,
  };
  const { listen } = serve({
    dialects: [e2bSandbox(services), opensandbox(services), e2b(services)],
    authentication: { keys: Object.entries(keys).map(([name, secret]) => ({ name, secret })) },
  });
  const base = await listen();

  async function call(method: string, path: string, headers: Record<string, string>, body?: unknown) {
    const response = await fetch(base + path, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json');
    return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : undefined };
  }

  return { base, jobs, service, call };
}
