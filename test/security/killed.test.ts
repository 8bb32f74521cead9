import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { input } from '../support/input.ts';
import { descendants, kill } from '../support/processes.ts';
import { ann, startSessions } from '../support/sessions.ts';
import { atPace, nature } from '../support/tier.ts';
import { sandboxPids } from '../support/tier-processes.ts';
import { attacking } from './attack.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

/** A request may meet a moment without a zygote; the next ones must not. */
async function healed(language = 'python', code = 'print(6 * 7)'): Promise<void> {
  await vi.waitFor(
    async () => expect(await engine.run(language, code)).toMatchObject({ outcome: 'completed', stdout: '42\n' }),
    { timeout: atPace(60_000), interval: 100 },
  );
}

describe('kill -9', attacking('endurance'), () => {
  /** One of 80 requests, tried again while it is refused: the right result comes out, or the news that it was killed. */
  async function ask(index: number): Promise<'right' | 'killed'> {
    const inputs = [input('in.txt', `${index}`)];
    const [language, code] =
      index % 2
        ? ['python', 'n = open("in.txt").read()\nopen("out.txt", "w").write(n)\nprint(n)']
        : ['bash', 'n=$(cat in.txt); printf %s "$n" > out.txt; echo "$n"'];
    for (let tries = 0; ; tries++) {
      try {
        const run = await engine.run(language!, code!, { inputs });
        if (run.outcome !== 'completed' || run.signal !== null) return 'killed';
        if (nature.losesFiles && run.artifactsTruncated) return 'killed';
        expect([run.exitCode, run.stdout, run.files['out.txt']?.toString()]).toEqual([0, `${index}\n`, `${index}`]);
        return 'right';
      } catch (error) {
        expect(error).toMatchObject({ code: 'sandbox_unavailable', retryable: true });
        if (tries === 100) throw error;
        await sleep(100);
      }
    }
  }

  /** Kills one of `victims` during every so many requests, four of which are under way at once; says how many came out right. */
  async function killingMeanwhile(victims: () => number[], every: number): Promise<number> {
    let right = 0;
    await Promise.all(
      Array.from({ length: 4 }, async (_, lane) => {
        for (let index = lane; index < 80; index += 4) {
          const answer = ask(index);
          if (index % every === 0) {
            // Parked, staging, running or being collected: as it comes.
            await sleep(Math.random() * 40);
            const found = victims();
            const at = index % Math.max(1, found.length);
            kill(...found.slice(at, at + 1));
          }
          if ((await answer) === 'right') right++;
        }
      }),
    );
    return right;
  }

  it('of sandboxes at any moment costs one run each, and no request hangs', { timeout: atPace(120_000) }, async () => {
    const right = await killingMeanwhile(() => sandboxPids(), 3);
    expect(right).toBeGreaterThanOrEqual(80 - 27);
    await healed();
    await healed('bash', 'echo 42');
  });

  it('of zygotes and of bubblewrap at any moment is made good', { timeout: atPace(120_000) }, async () => {
    const above = () =>
      descendants(process.pid)
        .filter(({ levels }) => levels.length < 3)
        .map(({ pid }) => pid);
    // With a zygote go those of its sandboxes that run, four at most.
    expect(await killingMeanwhile(above, 16)).toBeGreaterThanOrEqual(80 - 5 * 4);
    await healed();
    await healed('bash', 'echo 42');
  });

  it('of a session’s sandbox between two cells, frozen as it is, costs the next cell nothing but its variables', {
    timeout: atPace(60_000),
  }, async () => {
    const service = await startSessions(engine);
    const { id } = await service.sessions.create(ann, {});
    await healed();
    const made = await service.run(id, 'x = 1\nopen("kept.txt", "w").write("kept")');
    expect(made.files).toMatchObject([{ change: 'created', file: { name: 'kept.txt' } }]);
    // Its sandbox is one of these; the parked ones go along.
    kill(...sandboxPids());
    const next = await service.run(id, 'print("x" in dir(), open("kept.txt").read())');
    expect(next).toMatchObject({
      continuity: 'restored',
      result: { outcome: 'completed', stdout: { text: 'False kept\n' } },
    });
    expect(await service.run(id, '6 * 7')).toMatchObject({ continuity: 'continued', result: { outcome: 'completed' } });
  });
});
