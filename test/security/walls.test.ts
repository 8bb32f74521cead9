import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFor } from '../support/cells.ts';
import { startEngine, type TestEngine, testLimits } from '../support/engine.ts';
import { input } from '../support/input.ts';
import { atPace, nature } from '../support/tier.ts';
import { attack, attacking, expectHeld, hostile } from './attack.ts';

let engine: TestEngine;
beforeAll(async () => {
  // What a server knows: no sandbox may find it in its memory.
  process.env.TEST_SECRET = 'planted-intheservers0000';
  engine = await startEngine();
  delete process.env.TEST_SECRET;
});
afterAll(() => engine.close());

describe('the host', attacking('host'), () => {
  it('shows no file, device, process or secret', async () => {
    expectHeld(await attack(engine, 'host/read-host-files.py'));
  });

  it('does not tell its name', async () => {
    const names = 'import os, platform, socket\nprint(platform.node(), socket.gethostname(), os.uname().nodename)';
    // Each template is another zygote, and what a library asked there is remembered.
    for (const mention of ['', '# asyncio', '# pandas']) {
      const { stdout } = await engine.run('python', `${names}\n${mention}`);
      expect(stdout).toBe('sandbox sandbox sandbox\n');
    }
    const session = await openFor(engine);
    expect((await session.run(names)).stdout).toBe('sandbox sandbox sandbox\n');
  });

  it('keeps the image, /dev and the kernel’s settings as they are', attacking('image'), async () => {
    expectHeld(await attack(engine, 'host/write-image.py'));
  });
});

describe('siblings', attacking('siblings'), () => {
  const mark = 'abcdefghijklmnop';

  it('neither see nor reach each other while both live', async () => {
    const planted = Promise.withResolvers<void>();
    const { language, code } = hostile('siblings/plant.py');
    const first = engine.engine.execute(
      {
        language,
        code,
        args: [mark],
        stdin: undefined,
        inputs: [],
        limits: testLimits,
      },
      {
        onEvent: (event) => 'data' in event && Buffer.from(event.data).includes('planted') && planted.resolve(),
      },
    );
    await planted.promise;
    expectHeld(await engine.run(language, hostile('siblings/look.py').code));
    (await first).release();
  });

  it('inherit nothing of those before: the zygote never sees a user’s bytes', async () => {
    // Through every template, because each zygote is another heap.
    for (const mention of ['', '# asyncio', '# pandas']) {
      await engine.run('python', `${mention}\nx = "planted-" + "${mark}"`, {
        args: [`planted-${mark}`],
        stdin: `planted-${mark}`,
        inputs: [input(`planted-${mark}.txt`, `planted-${mark}`)],
      });
      expectHeld(await engine.run('python', `${hostile('siblings/look.py').code}\n${mention}`));
    }
  });
});

describe('the network', attacking('network'), () => {
  it('is a loopback of one’s own and nothing else', async () => {
    const abstract = `dragoman-test-${process.pid}`;
    const tcp = createServer((socket) => socket.end('host')).listen(0, '127.0.0.1');
    const unix = createServer((socket) => socket.end('host')).listen(`\0${abstract}`);
    await new Promise((resolve) => tcp.once('listening', resolve));
    const { port } = tcp.address() as { port: number };
    let connections = 0;
    for (const server of [tcp, unix]) server.on('connection', () => connections++);
    expectHeld(await attack(engine, 'network/reach.py', { args: [String(port), abstract] }));
    expect(connections).toBe(0);
    tcp.close();
    unix.close();
  });
});

describe('the kernel', attacking('calls'), () => {
  it('refuses every call that leads out', async () => {
    expectHeld(await attack(engine, 'kernel/refused-calls.py'));
  });

  it('gives no program a capability, a right or another user', attacking('privilege'), async () => {
    expectHeld(await attack(engine, 'kernel/gain-privilege.py'));
  });

  it('kills a call of another architecture, or has none', async () => {
    const run = await attack(engine, 'kernel/int80.py');
    if (nature.foreignCall === 'killed') expect(run).toMatchObject({ stdout: 'before\n', exitCode: null });
    // ENOSYS: the call did nothing.
    else expect(run).toMatchObject({ stdout: 'before\nbreach: -38\n', exitCode: 0 });
  });

  it('keeps a program from its sandbox’s init', attacking('init'), async () => {
    const run = await attack(engine, 'kernel/init-memory.sh');
    expect(run).toMatchObject({ outcome: 'completed', stdout: 'tried\n', exitCode: 0 });
  });

  it('keeps a Python program from the init that gave it its memory', attacking('init'), async () => {
    expectHeld(await attack(engine, 'kernel/bare-init.py'));
  });

  it('brings no signal of a program’s to its init', attacking('init'), async () => {
    const run = await attack(engine, 'kernel/signal-init.sh');
    expect(run).toMatchObject({ outcome: 'completed', stdout: 'still there\n', stderr: '', exitCode: 7 });
  });

  it('tells of a program that it ended itself with its whole process group', attacking('init'), async () => {
    for (const [language, code] of [
      ['python', 'import os\nos.kill(0, 9)'],
      ['bash', 'kill -9 0'],
    ] as const)
      expect(await engine.run(language, code)).toMatchObject({ outcome: 'completed', signal: 'SIGKILL' });
  });
});

describe('state', attacking('state'), () => {
  it('does not pass from run to run', async () => {
    await attack(engine, 'state/leave.py');
    expectHeld(await engine.run('python', hostile('state/find.py').code));
  });

  it.each(['py', 'js', 'sh', 'php', 'r', 'java', 'go', 'cpp', 'rs'])(
    'gives every run its own random numbers: %s',
    { timeout: atPace(120_000) },
    async (ending) => {
      const { language, code } = hostile(`state/random-numbers.${ending}`);
      const runs = [];
      for (let i = 0; i < 3; i++) runs.push(await engine.run(language, code, { limits: { wallMs: atPace(60_000) } }));
      expectAllDifferent(runs);
    },
  );

  it.each(['py', 'js', 'sh'])(
    'gives every session its own, and every cell: %s',
    { timeout: atPace(120_000) },
    async (ending) => {
      const { language, code } = hostile(`state/random-numbers.${ending}`);
      const cells = [];
      for (let i = 0; i < 3; i++) {
        const session = await openFor(engine);
        // In a block of its own: a second cell may not declare again what the first has declared.
        const cell = ending === 'js' ? `{\n${code}}` : code;
        for (let j = 0; j < 2; j++) cells.push(await session.run(cell, { language }));
      }
      // The key of multiprocessing is one of the interpreter, which a session keeps.
      expectAllDifferent(ending === 'py' ? cells.filter((_, index) => index % 2 === 0) : cells);
    },
  );
});

/** Each printed as many random numbers, none of them twice. */
function expectAllDifferent(runs: readonly { readonly stdout: string; readonly stderr: string }[]): void {
  expect(runs.map(({ stderr }) => stderr)).toEqual(runs.map(() => ''));
  const lines = runs.map(({ stdout }) => stdout.trim().split('\n'));
  expect(lines[0]!.every((number) => number !== '')).toBe(true);
  for (const column of lines[0]!.keys()) expect(new Set(lines.map((line) => line[column])).size).toBe(runs.length);
}
