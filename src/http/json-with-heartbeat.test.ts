import { setTimeout as sleep } from 'node:timers/promises';
import { fastify } from 'fastify';
import { describe, expect, it } from 'vitest';
import { jsonWithHeartbeat } from './json-with-heartbeat.ts';

async function answer(work: () => Promise<unknown>) {
  const app = fastify();
  app.get('/', (_request, reply) => jsonWithHeartbeat(reply, work(), 50, () => ({ error: 'late' })));
  return app.inject('/');
}

describe('jsonWithHeartbeat', () => {
  it('sends a fast answer without blanks', async () => {
    expect((await answer(async () => ({ a: 1 }))).body).toBe('{"a":1}');
  });

  it('sends blanks before a slow answer, which is JSON all the same', async () => {
    const { body, json } = await answer(() => sleep(500, { a: 1 }));
    expect(body).toMatch(/^ {2,}\{/);
    expect(json()).toEqual({ a: 1 });
  });

  it('fails with a status as long as nothing was sent', async () => {
    expect((await answer(() => Promise.reject(new Error('no')))).statusCode).toBe(500);
  });

  it('ends with the late value when the work fails after a blank', async () => {
    const { statusCode, json } = await answer(async () => {
      await sleep(200);
      throw new Error('no');
    });
    expect([statusCode, json()]).toEqual([200, { error: 'late' }]);
  });
});
