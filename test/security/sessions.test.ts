import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Outcome } from '../../src/core/index.ts';
import { SandboxGone } from '../../src/engine/index.ts';
import { openFor } from '../support/cells.ts';
import { startEngine, type TestEngine, type TestSession } from '../support/engine.ts';
import { ann, startSessions } from '../support/sessions.ts';
import { atPace } from '../support/tier.ts';
import { attacking, expectHeld, hostile } from './attack.ts';

let engine: TestEngine;
beforeAll(async () => {
  // What a server knows: no sandbox may find it in its memory.
  process.env.TEST_SECRET = 'planted-intheservers0000';
  engine = await startEngine();
  delete process.env.TEST_SECRET;
});
afterAll(() => engine.close());

const short = { limits: { wallMs: 2000 } };
/** How a hostile cell may end: in any way that has a name. */
const typed: readonly Outcome[] = ['completed', 'timed_out', 'out_of_memory', 'output_limit', 'killed'];

/** Another owner's session answers, with what was in it, whatever has just happened. */
async function withNeighbour<T>(work: () => Promise<T>): Promise<T> {
  const neighbour = await openFor(engine);
  await neighbour.run('kept = 41');
  const result = await work();
  expect(await neighbour.run('kept + 1')).toMatchObject({ outcome: 'completed', value: '42' });
  return result;
}

/** The next cell answers; or the sandbox is gone: then the session says so, and the cell is told that it never started. */
async function answersOrEnded(session: TestSession): Promise<void> {
  if (session.session.ended) return;
  const next = await session.run('print(6 * 7)').catch((error) => error);
  if (next instanceof SandboxGone) {
    expect(session.session.ended).toBe(true);
    return;
  }
  // The sandbox may die while the cell runs.
  if (session.session.ended) expect(typed).toContain(next.outcome);
  else expect(next).toMatchObject({ outcome: 'completed', stdout: expect.stringContaining('42\n') });
}

describe('the supervisor', attacking('supervisor'), () => {
  it('is out of reach of its cells', async () => {
    const session = await openFor(engine);
    expectHeld(await session.run(hostile('sessions/reach-supervisor.py').code));
    expect(await session.run('6 * 7')).toMatchObject({ outcome: 'completed', value: '42', interpreter: 'kept' });
  });

  it('ignores signals that programs meet as usual', async () => {
    const session = await openFor(engine);
    const ask =
      "import signal, subprocess\nsignal.getsignal(signal.SIGUSR1), subprocess.run(['sh', '-c', 'kill -USR1 $$']).returncode";
    expect(await session.run(ask)).toMatchObject({ value: '(<Handlers.SIG_DFL: 0>, -10)' });
    expect(await session.run("sh -c 'kill -USR1 $$'; echo $?", { language: 'bash' })).toMatchObject({
      stdout: '138\n',
    });
  });

  it('that is crippled by a cell ends or is given up, without a wait and without harm to other sessions', async () => {
    await withNeighbour(async () => {
      const session = await openFor(engine);
      const cell = await session.run(hostile('sessions/cripple-supervisor.py').code, short);
      expect(typed).toContain(cell.outcome);
      await answersOrEnded(session);
    });
  });

  it('dies of no memory that its cells take, while one of them is left', async () => {
    await withNeighbour(async () => {
      const session = await openFor(engine, { memoryBytes: 300 << 20 });
      const cell = await session.run('x = []\nwhile True: x.append(bytearray(1 << 20))');
      expect(cell).toMatchObject({ outcome: 'out_of_memory', interpreter: 'lost' });
      expect(await session.run('6 * 7')).toMatchObject({ outcome: 'completed', value: '42' });
    });
  });

  it('that is killed for memory after all ends its session alone, and says why', async () => {
    await withNeighbour(async () => {
      const session = await openFor(engine);
      const cell = await session.run(hostile('sessions/starve-supervisor.py').code, { limits: { wallMs: 8000 } });
      expect(['out_of_memory', 'timed_out']).toContain(cell.outcome);
      await answersOrEnded(session);
    });
  });
});

describe('what a kernel says', attacking('supervisor'), () => {
  const forge = (kind: string) => `kind = ${JSON.stringify(kind)}\n${hostile('sessions/forge-events.py').code}`;
  it.each(['ends', 'claims', 'shapes', 'nothing', 'surrogates'])(
    'is checked: forged %s end no cell but its own and show nothing that is not shown',
    async (kind) => {
      await withNeighbour(async () => {
        const session = await openFor(engine);
        const cell = await session.run(forge(kind), short);
        expect(typed).toContain(cell.outcome);
        for (const { bundle } of cell.outputs)
          for (const form of Object.keys(bundle)) expect(form).toMatch(/^(text|application)\/[a-z]+$/);
        expect(({} as { polluted?: number }).polluted).toBeUndefined();
        await answersOrEnded(session);
      });
    },
  );

  it.each(['not-json', 'not-numbers', 'huge', 'half', 'deep', 'many', 'flood', 'big-flood'])(
    'is bounded: %s',
    async (kind) => {
      await withNeighbour(async () => {
        const memory = process.memoryUsage().rss;
        const session = await openFor(engine);
        const cell = await session.run(forge(kind), short);
        expect(typed).toContain(cell.outcome);
        expect(process.memoryUsage().rss - memory).toBeLessThan(256 << 20);
        await answersOrEnded(session);
      });
    },
  );

  it('is not said for it by children it has left', async () => {
    await withNeighbour(async () => {
      const session = await openFor(engine);
      await session.run(hostile('sessions/children-with-pipe.py').code, short);
      // They take its orders: the cell is for the time limit, and then for the kill.
      const next = await session.run('print(6 * 7)', short);
      expect(typed).toContain(next.outcome);
      await session.session.restart();
      expect(await session.run('6 * 7')).toMatchObject({ outcome: 'completed', value: '42', outputs: { length: 1 } });
    });
  });

  it('never ends the cell of another session, though it claims so', async () => {
    const victim = await openFor(engine);
    const running = victim.start('import time\ntime.sleep(1.5)\n"mine"');
    const session = await openFor(engine);
    await session.run(forge('ends'), short);
    expect(await running.done).toMatchObject({
      outcome: 'completed',
      outputs: [{ bundle: { 'text/plain': "'mine'" } }],
    });
  });
});

describe('sessions of two owners', attacking('siblings'), () => {
  it('neither see nor reach each other, awake or asleep', async () => {
    const [first, second] = [await openFor(engine), await openFor(engine)];
    const mark = 'abcdefghijklmnop';
    const plant = `import sys\nsys.argv = ['', '${mark}']\n${hostile('siblings/plant.py').code}`;
    const planted = Promise.withResolvers<void>();
    const running = first.start(plant, { onEvent: (event) => event.type === 'stdout' && planted.resolve() });
    await planted.promise;
    expectHeld(await second.run(hostile('siblings/look.py').code));
    await running.done;
    expectHeld(await second.run(hostile('siblings/look.py').code));
  });

  it('inherit nothing of those before', async () => {
    const first = await openFor(engine);
    await first.run('planted = "planted-" + "abcdefghijklmnop"\nopen("/tmp/planted", "w").write(planted)');
    await first.close();
    expectHeld(await (await openFor(engine)).run(hostile('siblings/look.py').code));
  });
});

describe('a workspace that is a battlefield', attacking('outputs'), () => {
  const text = (content: string) => ({
    contentType: 'text/plain',
    content: (async function* () {
      yield Buffer.from(content);
    })(),
  });

  it('reads and writes files within itself alone, and blocks no other session', {
    timeout: atPace(60_000),
  }, async () => {
    const service = await startSessions(engine);
    const { sessions } = service;
    const { id } = await sessions.create(ann, {});
    await service.run(id, hostile('sessions/swap-workspace.py').code);
    const mark = 'written-by-the-service';
    for (let round = 0; round < 25; round++) {
      for (const name of [`in/folder/${mark}-${round}`, 'in/file.txt', 'in/folder/oom_score_adj', 'in/folder/1']) {
        const started = performance.now();
        // It is stored in any case; the sandbox may be in no state to take it, and then says so.
        await sessions.putFile(ann, id, { name, ...text(mark) }).catch((error) => {
          expect(['invalid_request', 'too_large', 'sandbox_unavailable']).toContain(error.code);
        });
        if (round % 5 === 4) await sessions.removeFile(ann, id, name).catch(() => {});
        expect(performance.now() - started).toBeLessThan(10_000);
      }
    }
    for (const folder of ['/', '/etc', '/tmp', '/dev', '/dev/shm'])
      expect(existsSync(`${folder}/${mark}-0`) || existsSync(`${folder}/file.txt`)).toBe(false);
    await service.run(id, '1');
    for (const file of await sessions.files(ann, id)) {
      const content = Buffer.concat(await Array.fromAsync(await service.fileService.content(file.digest))).toString();
      expect([file.name, content]).toEqual([file.name, mark]);
    }
  });

  it('comes back as the files it had, whatever it was made of', async () => {
    const service = await startSessions(engine);
    const { id } = await service.sessions.create(ann, {});
    await service.run(id, hostile('outputs/tricks.py').code);
    const kept = (await service.sessions.files(ann, id)).map(({ name }) => name).sort();
    expect(kept).toEqual(['-rf', '.hidden/x', 'honest.txt', 'unreadable'].filter((name) => kept.includes(name)));
    service.now += 21 * 60_000;
    await service.sweep();
    const code =
      'import os\n{p: os.path.isfile(p) and not os.path.islink(p) for p in sorted(f"{d}/{f}"[2:] for d, _, fs in os.walk(".") for f in fs)}';
    const { continuity, result } = await service.run(id, code);
    const there = result.outputs.at(-1)?.bundle['text/plain'];
    expect([continuity, there]).toEqual(['restored', `{${kept.map((name) => `'${name}': True`).join(', ')}}`]);
  });
});

describe('between cells', attacking('frozen'), () => {
  it('nothing runs, speaks or counts the time', async () => {
    const session = await openFor(engine);
    await session.run(
      'import threading, time\nn = 0\ndef spin():\n global n\n while True: n += 1; print("late", flush=True)\n' +
        'threading.Thread(target=spin, daemon=True).start()',
    );
    const cpuMs = async () => Number((await session.run('time.process_time() * 1000')).value);
    const before = await cpuMs();
    await sleep(atPace(3000));
    // Counting all the while would be as much time of the processor; only the cells themselves are left.
    expect((await cpuMs()) - before).toBeLessThan(atPace(1000));
  });
});

describe('cells that show as much as they may', attacking('limits'), () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;

  it('cost the service what it remembers, however many there are', { timeout: atPace(180_000) }, async () => {
    const service = await startSessions(engine);
    const { id } = await service.sessions.create(ann, {});
    const code = 'for _ in range(3): display({"application/json": [f"{n:060}" for n in range(110_000)]}, raw=True)';
    const heap = async () => {
      await sleep(700);
      collectGarbage();
      return process.memoryUsage().heapUsed / (1 << 20);
    };
    const before = await heap();
    // Each of them is some 25 MiB, and 128 MiB is remembered.
    for (let n = 0; n < 14; n++) expect((await service.run(id, code)).result.outputs.length).toBe(3);
    expect((await heap()) - before).toBeLessThan(220);
    // A notebook of them holds what fits.
    expect((await service.sessions.history(ann, id)).length).toBeGreaterThan(0);
  });
});

describe('a cell that forks without end', attacking('limits'), () => {
  it('costs its session at most the sandbox: the next cell finds the files', async () => {
    // What is left of the forks may keep the variables from being saved at the end.
    const service = await startSessions(engine, { stateSaveMs: atPace(1000) });
    const { id } = await service.sessions.create(ann, {});
    await service.run(id, 'open("kept.txt", "w").write("kept")');
    await withNeighbour(async () => {
      const storm = await service.run(id, 'import os\nwhile True: os.fork()', { wallMs: 4000 });
      expect(typed).toContain(storm.result.outcome);
    });
    const next = await service.run(id, 'print(open("kept.txt").read())');
    expect(next.result).toMatchObject({ outcome: 'completed', stdout: { text: 'kept\n' } });
  });
});

describe('what is kept of a workspace', attacking('outputs'), () => {
  const modes = `import os
for name in sorted(os.listdir()):
    if os.path.isfile(name): print(name, oct(os.stat(name).st_mode & 0o7777))`;

  it('is permission bits and a bounded number of empty folders with names that are paths', async () => {
    const service = await startSessions(engine);
    const { id } = await service.sessions.create(ann, {});
    const { code } = hostile('outputs/bits-and-folders.py');
    const first = await service.run(id, code);
    expect(first.result).toMatchObject({ outcome: 'completed', artifactsTruncated: true });
    service.now += 21 * 60_000;
    await service.sweep();
    const fork = await service.sessions.fork(ann, id, {});
    for (const session of [id, fork.id]) {
      const found = await service.run(session, modes);
      expect(found.continuity).not.toBe('continued');
      expect(found.result.stdout.text).toBe('all 0o777\nsetgid 0o711\nsetuid 0o755\nsticky 0o666\n');
      const folders = await service.run(
        session,
        'print(sorted(p for p, d, f in os.walk(b".") if not d and p != b"."))',
      );
      const names = folders.result.stdout.text.match(/b'[^']*'/g)!;
      expect(names.length).toBe(200);
      expect(names.filter((name) => /\\(?!xc3\\xbc)|link/.test(name))).toEqual([]);
    }
  });

  it('never leaves the workspace when links take the places of files and folders', async () => {
    const service = await startSessions(engine);
    const { id } = await service.sessions.create(ann, {});
    await service.run(id, 'import os\nos.makedirs("out/raw"); open("f", "w").write("x"); os.chmod("f", 0o755)');
    const left = await service.run(
      id,
      'os.removedirs("out/raw"); os.symlink("/etc", "out"); os.remove("f"); os.symlink("/etc/passwd", "f")',
    );
    expect([left.files, left.deleted]).toEqual([[], ['f']]);
    service.now += 21 * 60_000;
    await service.sweep();
    const again = await service.run(id, 'import os; print(os.listdir())');
    expect([again.continuity, again.result.stdout.text]).toEqual(['restored', '[]\n']);
  });
});
