import { Duplex } from 'node:stream';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Qmp } from './qmp.ts';

/** QEMU, as hostile as what it may hold. */
let qemu: Duplex;
let asked: string[];
let killed: number;
let qmp: Qmp;
beforeEach(() => {
  asked = [];
  killed = 0;
  qemu = new Duplex({
    read() {},
    write(chunk, _, done) {
      asked.push(JSON.parse(chunk.toString()).execute);
      done();
    },
  });
  qmp = new Qmp(qemu, () => {
    killed++;
    qemu.push(null);
  });
});
afterEach(() => vi.useRealTimers());

const say = (text: string) => qemu.push(Buffer.from(text));

it('asks one thing after the other, however the answers are cut', async () => {
  const started = qmp.start();
  say('{"QMP": {"version"');
  say(': {}}}\n{"event": "STOP", "data": {}}\n');
  await vi.waitFor(() => expect(asked).toEqual(['qmp_capabilities']));
  say('{"return": {}}\n');
  await started;
  const [stop, migrated] = [qmp.run('stop'), qmp.run('query-migrate')];
  migrated.catch(() => {});
  say('{"return": {}}\n{"error": {"class": "GenericError", "desc": "no room"}}\n');
  await expect(stop).resolves.toEqual({});
  await expect(migrated).rejects.toThrow('QEMU: no room');
  expect(killed).toBe(0);
});

it.each([
  ['a line that is no JSON', 'nothing\n'],
  ['a line that is no object', '[1]\n'],
  ['an answer that is no object', '{"return": "yes"}\n'],
  ['a line without end', 'x'.repeat(70_000)],
  ['a line that is too long', `{"event": "${'x'.repeat(70_000)}"}\n`],
  ['events without end', '{"event": "STOP"}\n'.repeat(10_001)],
  ['answers that nothing asked for', '{"return": {}}\n'.repeat(10_002)],
])('ends a machine that says %s, and what was asked has failed', async (_, text) => {
  const stop = qmp.run('stop');
  stop.catch(() => {});
  say(text);
  await vi.waitFor(() => expect(killed).toBe(1));
  await stop.catch(() => {});
  await expect(qmp.run('cont')).rejects.toThrow('the machine has ended');
});

it('ends a machine that does not answer, so that no late answer is taken for another', async () => {
  vi.useFakeTimers();
  const stop = expect(qmp.run('stop')).rejects.toThrow('did not answer to stop');
  await vi.advanceTimersByTimeAsync(31_000);
  await stop;
  expect(killed).toBe(1);
  const begun = expect(new Qmp(qemu, () => killed++).start()).rejects.toThrow();
  await vi.advanceTimersByTimeAsync(31_000);
  await begun;
});
