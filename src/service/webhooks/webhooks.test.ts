import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { memoryRecords } from '../../../test/support/records.ts';
import { event, receiver, secret, sender } from './fixtures/receiver.ts';

describe('a webhook', () => {
  it('is what OpenAI’s client takes for one of its service, and nothing changed passes', async () => {
    const { got, url } = await receiver();
    const made = sender(url);
    made.clock.now = Date.now();
    await made.tell();
    await expect.poll(() => got.length).toBe(1);
    const { body, headers } = got[0]!;
    const client = new OpenAI({ apiKey: 'x', webhookSecret: secret });
    expect(await client.webhooks.unwrap(body, headers)).toMatchObject({ object: 'event', ...event });
    await expect(client.webhooks.unwrap(body.replace('resp_1', 'resp_2'), headers)).rejects.toThrow();
    await expect(client.webhooks.unwrap(body, { ...headers, 'webhook-id': 'evt_b' })).rejects.toThrow();
    await expect.poll(made.waiting).toEqual([]);
    expect(made.counts).toEqual(['webhooks_accepted_total']);
  });

  it('is sent again with the same id until it is accepted, and follows no redirect', async () => {
    const { got, url } = await receiver(500, 302);
    const made = sender(url);
    await made.tell();
    for (const [attempts, pause] of [
      [1, 5000],
      [2, 30_000],
    ] as const) {
      await expect.poll(made.waiting).toEqual([attempts]);
      made.webhooks.wake();
      made.clock.now += pause;
      made.webhooks.wake();
    }
    await expect.poll(made.waiting).toEqual([]);
    expect(got.map(({ headers }) => headers['webhook-id'])).toEqual(['evt_a', 'evt_a', 'evt_a']);
    expect(new Set(got.map(({ headers }) => headers['webhook-timestamp'])).size).toBe(3);
  });

  it('is given up after seven attempts', async () => {
    const { got, url } = await receiver(...Array<number>(20).fill(503));
    const made = sender(url);
    await made.tell();
    for (let n = 1; n <= 6; n++) {
      await expect.poll(made.waiting).toEqual([n]);
      made.clock.now += 7_200_000;
      made.webhooks.wake();
    }
    await expect.poll(made.waiting).toEqual([]);
    expect(got).toHaveLength(7);
    expect(made.counts).toEqual(['webhooks_given_up_total']);
  });

  it('that a process left is sent by the next one, and by one of several', async () => {
    const { got, url } = await receiver();
    const records = memoryRecords();
    const [first, ...others] = [1, 2, 3].map(() => sender(url, { records, isShared: true }));
    await records.documents.put(first!.webhooks.notice('a', event));
    for (const each of [first!, ...others]) each.webhooks.start();
    await expect.poll(first!.waiting).toEqual([]);
    expect(got).toHaveLength(1);
  });
});
