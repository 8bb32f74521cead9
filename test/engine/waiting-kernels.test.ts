import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEngine, type TestEngine, type TestSession } from '../support/engine.ts';
import { eventually } from '../support/eventually.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
}, 120_000);
afterAll(() => engine.close());

const languages = ['python', 'javascript', 'bash'] as const;
type Language = (typeof languages)[number];

const parked = (language: Language) => engine.engine.census().parked[`kernel+${language}`] ?? 0;

/** A session whose kernel has waited for it. */
async function open(language: Language): Promise<TestSession> {
  // Until a language is asked for, only Python waits.
  if (parked(language) === 0) await (await engine.openSession({}, language)).close();
  await eventually(() => expect(parked(language)).toBeGreaterThan(0));
  return engine.openSession({}, language);
}

describe('a kernel that waited for its session', () => {
  const draws: Record<Language, string> = {
    python:
      'import random, uuid, numpy, ssl\nprint(random.random(), uuid.uuid4(), numpy.random.rand(), ssl.RAND_bytes(8).hex())',
    javascript: "console.log(Math.random(), crypto.randomUUID(), require('crypto').randomBytes(8).toString('hex'))",
    bash: 'echo $RANDOM $RANDOM $SRANDOM',
  };

  it.each(languages)('draws random numbers that no other one does: %s', async (language) => {
    const sessions = [await open(language), await open(language), await open(language)];
    const drawn = await Promise.all(
      sessions.map(async (session) => (await session.run(draws[language], { language })).stdout),
    );
    await Promise.all(sessions.map((session) => session.close()));
    const all = drawn.flatMap((line) => line.trim().split(' '));
    expect(all.length).toBeGreaterThanOrEqual(9);
    expect(new Set(all).size).toBe(all.length);
  });

  const looks: Record<Language, string> = {
    python: 'import os\nprint(os.getcwd(), os.listdir(), "kept" if "x" in globals() else "")',
    javascript: "console.log(process.cwd(), require('fs').readdirSync('.'), typeof x === 'undefined' ? '' : 'kept')",
    bash: 'echo "$PWD $(ls | wc -l)"; [[ ! -v x ]] || echo kept',
  };

  it.each(languages)('begins where a session begins, with nothing of another one: %s', async (language) => {
    const first = await open(language);
    await first.run(
      {
        python: "x = 1; open('kept', 'w')",
        javascript: "x = 1; require('fs').writeFileSync('kept', '')",
        bash: 'x=1; touch kept',
      }[language],
      { language },
    );
    const second = await open(language);
    const { stdout } = await second.run(looks[language], { language });
    await Promise.all([first.close(), second.close()]);
    expect(stdout).toMatch(/^\/mnt\/data /);
    expect(stdout).not.toContain('kept');
    if (language === 'bash') expect(stdout.trim()).toBe('/mnt/data 0');
  });

  const processes: Record<Language, string> = {
    python: 'import subprocess\nprint(subprocess.run(["ps", "-eo", "comm="], capture_output=True, text=True).stdout)',
    javascript: "console.log(require('child_process').execSync('ps -eo comm=').toString())",
    bash: 'ps -eo comm=',
  };

  it.each(languages)('is one that its session started, for all that a cell can tell: %s', async (language) => {
    const [waited, started] = [await open(language), await engine.openSession()];
    expect(waited.session.kernels().map(({ id, state }) => [id, state])).toEqual([[language, 'idle']]);
    const code = processes[language];
    const seen = await Promise.all([waited, started].map((session) => session.run(code, { language })));
    expect(seen[0]!.stdout).toBe(seen[1]!.stdout);
    await Promise.all([waited.close(), started.close()]);
  });

  it('is started again by the first cell when it has died meanwhile', async () => {
    const session = await open('python');
    const other = await session.run('import os, signal\nos.kill(os.getpid(), signal.SIGKILL)');
    expect(other.interpreter).toBe('lost');
    expect((await session.run('1 + 1')).value).toBe('2');
    await session.close();
  });

  it('leaves room for as many kernels as a session may have', async () => {
    const session = await open('bash');
    for (let each = 1; each < 16; each++) await session.session.startKernel({ language: 'bash', id: `k${each}` });
    await expect(session.session.startKernel({ language: 'bash', id: 'more' })).rejects.toMatchObject({
      code: 'invalid_request',
    });
    expect((await session.run('echo 1', { language: 'bash' })).stdout).toBe('1\n');
    await session.close();
  });
});
