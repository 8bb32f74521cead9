import { describe, expect, it } from 'vitest';
import type { EventLog, NumberedEvent } from '../../../src/event-log/index.ts';

const key = { tenant: 't', principalId: 'ann', id: 'one' };

async function all<E>(events: AsyncIterable<NumberedEvent<E>>): Promise<NumberedEvent<E>[]> {
  return Array.fromAsync(events);
}

/** What every `EventLog` does. */
export function describeEventLog(name: string, make: () => EventLog<string>): void {
  describe(`event log: ${name}`, () => {
    it('yields past events by number, then those that come, until the log ends', async () => {
      const log = make();
      const writer = log.create(key);
      expect([writer.append('a'), writer.append('b')]).toEqual([1, 2]);
      const reading = all(log.read(key, 1));
      setImmediate(() => {
        writer.append('c');
        writer.end();
      });
      expect(await reading).toEqual([
        { number: 2, event: 'b' },
        { number: 3, event: 'c' },
      ]);
      expect(writer.last).toBe(3);
    });

    it('can be read by several readers at once, and again after its end', async () => {
      const log = make();
      const writer = log.create(key);
      const readings = [all(log.read(key, 0)), all(log.read(key, 0))];
      writer.append('a');
      writer.end();
      const events = [{ number: 1, event: 'a' }];
      expect(await Promise.all([...readings, all(log.read(key, 0))])).toEqual([events, events, events]);
      expect(log.find(key)).toEqual({ last: 1, ended: true });
    });

    it('appends nothing after the end', async () => {
      const log = make();
      const writer = log.create(key);
      writer.end();
      writer.append('late');
      expect(await all(log.read(key, 0))).toEqual([]);
    });

    it('lets a reader leave when its signal aborts, while it waits or before', async () => {
      const log = make();
      log.create(key).append('a');
      const leave = new AbortController();
      const read: string[] = [];
      for await (const { event } of log.read(key, 0, leave.signal)) {
        read.push(event);
        setImmediate(() => leave.abort());
      }
      expect(read).toEqual(['a']);
      expect(await all(log.read(key, 0, AbortSignal.abort()))).toEqual([]);
    });

    it('yields nothing for a log that does not exist, or is of another principal', async () => {
      const log = make();
      log.create(key).append('a');
      expect(log.find({ ...key, principalId: 'bob' })).toBeUndefined();
      expect(log.find({ ...key, tenant: 'other' })).toBeUndefined();
      expect(await all(log.read({ ...key, principalId: 'bob' }, 0))).toEqual([]);
      expect(await all(log.read({ ...key, id: 'two' }, 0))).toEqual([]);
    });

    it('drops a log at once when it is deleted, and its readers finish', async () => {
      const log = make();
      log.create(key);
      const reading = all(log.read(key, 0));
      setImmediate(() => log.delete(key));
      expect(await reading).toEqual([]);
      expect(log.find(key)).toBeUndefined();
    });
  });
}
