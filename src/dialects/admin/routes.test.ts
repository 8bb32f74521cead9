import { describe, expect, test } from 'vitest';
import { idleServices, serve } from '../../../test/support/http.ts';
import { FaultLog } from '../../service/index.ts';
import { admin } from './index.ts';

const id = 'A'.repeat(21);
const routes = [
  ['GET', '/admin/overview'],
  ['GET', '/admin/executions'],
  ['POST', `/admin/executions/${id}/cancel`],
  ['GET', '/admin/sessions'],
  ['POST', `/admin/sessions/${id}/release`],
  ['GET', '/admin/keys'],
  ['POST', '/admin/keys'],
  ['PATCH', `/admin/keys/${id}`],
  ['DELETE', `/admin/keys/${id}`],
  ['GET', '/admin/usage'],
  ['GET', '/admin/storage'],
  ['GET', '/admin/errors'],
  ['GET', '/admin/doctor'],
] as const;

/** A server with these routes alone. Whatever the service is asked for fails, so that a refusal is one before it. */
function operators(authentication: Parameters<typeof serve>[0] & object = {}) {
  const faults = new FaultLog();
  const dialects = [admin({ ...idleServices(), operations: { executions: () => [] } as never, faults })];
  const keys = [
    { name: 'app', secret: 'app-secret' },
    { name: 'ops', secret: 'ops-secret', isAdmin: true },
  ];
  return { ...serve({ dialects, faults, authentication: { keys, ...authentication.authentication } }), faults };
}

test('this list has every route', async () => {
  const { app } = operators();
  const described = (await app.inject('/openapi.json')).json();
  const paths = Object.entries<object>(described.paths).flatMap(([path, methods]) =>
    path.startsWith('/admin/') ? Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`) : [],
  );
  const own = routes.map(
    ([method, path]) =>
      `${method} ${path.replace(/(keys|executions|sessions)\/A+/, (_, of) => `${of}/{${of.slice(0, -1)}_id}`)}`,
  );
  expect(paths.toSorted()).toEqual(own.toSorted());
});

describe.each(routes)('%s %s', (method, url) => {
  test('refuses a key without the right, and says so in the log', async () => {
    const { app, log, faults } = operators();
    const answer = await app.inject({ method, url, headers: { 'x-api-key': 'app-secret' } });
    expect(answer.statusCode).toBe(403);
    expect(answer.json()).toEqual({ error: 'forbidden', message: expect.stringContaining('right admin') });
    expect(log).toContainEqual(expect.objectContaining({ msg: 'request not permitted', principal: 'app', method }));
    expect(faults.list('refused', 9)).toMatchObject([{ status: 403, code: 'forbidden', caller: 'app' }]);
  });

  test('refuses one without a credential, and a key in the address', async () => {
    const { app } = operators();
    expect((await app.inject({ method, url })).statusCode).toBe(401);
    expect((await app.inject({ method, url: `/k/ops-secret/v1${url}` })).statusCode).toBe(401);
  });

  test('refuses everyone without a key in open mode', async () => {
    const { app } = operators({ authentication: { mode: 'open' } });
    const answer = await app.inject({ method, url });
    expect(answer.statusCode).toBe(403);
    expect(answer.json().message).toContain('DRAGOMAN_AUTH=open');
  });

  test('lets a key with the right pass, in open mode as well', async () => {
    for (const mode of ['keys', 'open'] as const) {
      const { app } = operators({ authentication: { mode } });
      const { statusCode } = await app.inject({ method, url, headers: { 'x-api-key': 'ops-secret' } });
      expect([401, 403]).not.toContain(statusCode);
    }
  });
});
