import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/index.ts';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { ann, startSessions, type TestSessions } from '../support/sessions.ts';
import { attacking } from './attack.ts';

/** `npm run test:tiers` asks the same of machines. */
const tier = loadConfig().isolation.backend === 'microvm' ? 'microvm' : 'gvisor';

/** A checkpoint of a machine is of use on its host alone, so variables are saved beside it. */
const hasVariables = tier === 'microvm';

/** Files of checkpoints that are being written or restored now. */
function leftOver(): string[] {
  const saved = join(loadConfig().stores.dataDir, tier === 'gvisor' ? 'tiers/gvisor/saved' : 'machines/saved');
  const own = readdirSync(saved).filter((name) => name.startsWith(`${process.pid}-`));
  return own.flatMap((name) => readdirSync(join(saved, name)));
}

async function cellIn(sessions: TestSessions, id: string, code: string) {
  const { continuity, restored, result } = await sessions.run(id, code);
  expect(result.error, result.stderr.text).toBeNull();
  return { continuity, restored, value: result.outputs.at(-1)?.bundle['text/plain'] };
}

/** Lets the sandbox of a session go, as the service does when it was idle for long. */
async function letGo(sessions: TestSessions): Promise<void> {
  sessions.now += 30 * 60_000;
  await sessions.sweep();
}

describe('checkpoints of sessions', attacking('checkpoints', tier), () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startEngine({ isolation: tier, poolSize: 0 });
  }, 300_000);
  afterAll(() => engine?.close());

  it('bring variables, threads, processes and open files back, are written once, and go with their session', async () => {
    const sessions = await startSessions(engine);
    const { id } = await sessions.sessions.create(ann, {});
    await sessions.run(
      id,
      `import threading, time, subprocess
ticks = [0]
def tick():
  while True:
    ticks[0] += 1; time.sleep(0.01)
threading.Thread(target=tick, daemon=True).start()
sleeper = subprocess.Popen(['sleep', '600'])
generator = (n * n for n in range(100)); next(generator)
file = open('log.txt', 'w'); file.write('one '); file.flush()
open('/tmp/scratch', 'w').write('kept')`,
    );
    const saved = await sessions.states.save(ann, id);
    expect(saved).toContainEqual(expect.objectContaining({ kernel: '*', state: 'saved', isBehind: false }));
    expect(leftOver()).toEqual([]);
    // No code has run since.
    const records = await sessions.records.states.list(id);
    await sessions.states.save(ann, id);
    expect(await sessions.records.states.list(id)).toEqual(records);
    const bytes = async () => (await sessions.records.files.stored(ann)).bytes;
    expect(await bytes()).toBeGreaterThan(1024 * 1024);
    await letGo(sessions);
    expect((await sessions.sessions.get(ann, id)).state).toBe('dormant');
    const back = await cellIn(
      sessions,
      id,
      `before = ticks[0]; time.sleep(0.3); file.write('two'); file.close()
[ticks[0] > before, sleeper.poll(), next(generator), open('log.txt').read(), open('/tmp/scratch').read()]`,
    );
    expect(back).toMatchObject({
      continuity: 'continued',
      restored: { kernel: '*', isBehind: false, loss: null },
      value: "[True, None, 1, 'one two', 'kept']",
    });
    expect((await sessions.sessions.files(ann, id)).map(({ name }) => name)).toEqual(['log.txt']);
    expect((await cellIn(sessions, id, 'next(generator)')).restored).toBeUndefined();
    expect(leftOver()).toEqual([]);
    await sessions.sessions.delete(ann, id);
    expect(await bytes()).toBe(0);
  });

  it('give a fork the memory of its origin, and other random numbers', async () => {
    const sessions = await startSessions(engine);
    const { id } = await sessions.sessions.create(ann, {});
    await sessions.run(id, 'import random, numpy, uuid, tempfile, secrets, ssl; it = iter(range(9)); next(it)');
    const fork = await sessions.sessions.fork(ann, id, {});
    expect(fork.variables).toBe('variables');
    const other = await sessions.sessions.fork(ann, id, {});
    const code = `[next(it), random.random(), numpy.random.random(), uuid.uuid4().hex, uuid.uuid1().hex, secrets.token_hex(8), ssl.RAND_bytes(8).hex(),
 next(tempfile._get_candidate_names()), numpy.random.default_rng().random()]`;
    const all = await Promise.all([id, fork.id, other.id].map((each) => cellIn(sessions, each, code)));
    expect(all.map(({ continuity }) => continuity)).toEqual(['continued', 'continued', 'continued']);
    const [one, two, three] = all.map(({ value }) => (value as string).slice(1, -1).split(/,\s+/));
    expect([one![0], two![0], three![0]]).toEqual(['1', '1', '1']);
    const drawn = [one, two, three].flatMap((values) => values!.slice(1));
    expect(new Set(drawn).size).toBe(drawn.length);
  });

  it('are a loss with its reason where a stored byte is another one, and files are there', async () => {
    const sessions = await startSessions(engine);
    const { id } = await sessions.sessions.create(ann, {});
    await sessions.run(id, 'x = 1; open("kept.txt", "w").write("1")');
    await sessions.states.save(ann, id);
    await letGo(sessions);
    const state = (await sessions.records.states.list(id)).find(({ kernel }) => kernel === '*');
    const [piece] = (await sessions.records.files.list(state!.setId)).toSorted((a, b) => b.size - a.size);
    const path = readdirSync(sessions.directory, { recursive: true, encoding: 'utf8' }).find((name) =>
      name.endsWith(piece!.digest.slice(4)),
    )!;
    const file = join(sessions.directory, path);
    const content = readFileSync(file);
    content[content.length >> 1]! ^= 1;
    chmodSync(file, 0o600);
    writeFileSync(file, content);
    const after = await cellIn(sessions, id, '"x" in globals(), open("kept.txt").read()');
    expect(after).toMatchObject(
      hasVariables
        ? { continuity: 'restored', restored: { kernel: 'python', loss: null }, value: "(True, '1')" }
        : {
            continuity: 'restored',
            restored: { kernel: '*', loss: { reason: 'broken' } },
            value: "(False, '1')",
          },
    );
    expect(leftOver()).toEqual([]);
  });

  it('let a command go on that nobody hears any more', async () => {
    const sessions = await startSessions(engine);
    const { id } = await sessions.sessions.create(ann, {});
    await sessions.run(id, 'x = 1');
    const argv = ['bash', '-c', 'for i in {1..10000}; do echo "line $i"; echo $i >> /tmp/count; sleep 0.02; done'];
    await sessions.commands.start(ann, id, { argv });
    await sessions.run(id, 'import os, time\nwhile not os.path.exists("/tmp/count"): time.sleep(0.05)');
    const fork = await sessions.sessions.fork(ann, id, {});
    const count = 'len(open("/tmp/count").read())';
    const { value } = await cellIn(
      sessions,
      fork.id,
      `import time; before = ${count}; time.sleep(0.5); [x, before > 0, ${count} > before]`,
    );
    expect(value).toBe('[1, True, True]');
  });
});
