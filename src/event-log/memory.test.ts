import { expect, it } from 'vitest';
import { MemoryEventLog, type MemoryEventLogOptions } from './memory.ts';

const key = (principalId: string, id: string) => ({ tenant: 't', principalId, id });

function logs(options: Partial<MemoryEventLogOptions<string>> = {}): MemoryEventLog<string> {
  return new MemoryEventLog({ maxLogs: 10, maxBytes: 1e6, maxLogBytes: 1e6, ttlMs: 1000, ...options });
}

it('drops expendable events of a log first, then the oldest', async () => {
  const log = logs({ maxLogBytes: 450, isExpendable: (event) => event.startsWith('out') });
  const writer = log.create(key('ann', '1'));
  for (const event of ['shown 1', 'out 2', 'shown 3', 'out 4', 'shown 5', 'shown 6']) writer.append(event);
  writer.end();
  const events = await Array.fromAsync(log.read(key('ann', '1'), 0));
  expect(events.map(({ number, event }) => [number, event])).toEqual([
    [3, 'shown 3'],
    [5, 'shown 5'],
    [6, 'shown 6'],
  ]);
});

it('drops the oldest ended log of the principal that holds the most', () => {
  const log = logs({ maxLogs: 3 });
  for (const id of ['bob 1', 'ann 1', 'ann 2', 'ann 3', 'ann 4']) log.create(key(id.slice(0, 3), id)).end();
  expect(log.find(key('bob', 'bob 1'))).toBeDefined();
  expect(log.find(key('ann', 'ann 2'))).toBeUndefined();
  expect(log.find(key('ann', 'ann 4'))).toBeDefined();
});

it('keeps a log that is still written, however old it is and however many have ended', () => {
  let now = 0;
  const log = logs({ maxLogs: 1, now: () => now });
  log.create(key('ann', 'running'));
  for (let i = 0; i < 5; i++) log.create(key('ann', String(i))).end();
  now = 5000;
  expect(log.find(key('ann', 'running'))).toEqual({ last: 0, ended: false });
  expect(log.find(key('ann', '4'))).toBeUndefined();
});
