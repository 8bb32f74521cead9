import { readFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { Refusal } from '../../support/cluster/caller.ts';
import { describeCluster, note } from '../../support/cluster/for-file.ts';
import { RunCounter } from '../../support/cluster/run-counter.ts';

const childrenOf = (pid: number) =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);

describeCluster('what lasts is away', { gateways: 2, workers: 2 }, (context) => {
  it('the database is paused while code runs: the run is recorded once it is back, and others hear it or wait', async () => {
    const counter = new RunCounter();
    onTestFinished(() => counter.close());
    const caller = context.caller();
    const session = await caller.openSession();
    const running = caller.run(
      `${counter.code}import time; time.sleep(2); open("made.txt", "w").write("made")`,
      session,
    );
    await counter.begun();
    const { pid } = context.cluster.postgres;
    const paused = [pid, ...childrenOf(pid)];
    for (const each of paused) process.kill(each, 'SIGSTOP');
    const other = context
      .caller(1)
      .run('print(1)')
      .catch((error) => error as Error);
    await new Promise((resolve) => setTimeout(resolve, 5000));
    for (const each of paused.toReversed()) process.kill(each, 'SIGCONT');
    const ran = await running;
    expect(ran).toMatchObject({ outcome: 'completed' });
    expect(ran.artifacts?.map(({ path }) => path)).toEqual(['made.txt']);
    const answer = await other;
    if (answer instanceof Refusal) expect(answer.status).toBe(503);
    else expect(answer).toMatchObject({ stdout: '1\n' });
    expect((await caller.run('print(open("made.txt").read())', session)).stdout).toBe('made\n');
    note(
      'PostgreSQL, SIGSTOP for 5 s while code runs',
      `completed and recorded; another run: ${answer instanceof Refusal ? answer.status : 'waited, 200'}`,
      counter.count,
    );
  });

  it('the bucket stands still for 5 s: code without files runs, and a file that is made meanwhile is kept', async () => {
    const [one, two] = [context.caller(0), context.caller(1)];
    const session = await one.openSession();
    await one.run('open("kept.txt", "w").write("kept")', session);
    const { pid } = context.cluster.s3;
    process.kill(pid, 'SIGSTOP');
    const made = one.run('open("made.txt", "w").write("made")', session);
    try {
      expect(await two.run('print(6 * 7)')).toMatchObject({ outcome: 'completed', stdout: '42\n' });
      await new Promise((resolve) => setTimeout(resolve, 5000));
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    expect((await made).artifacts?.map(({ path }) => path)).toEqual(['made.txt']);
    expect(await two.run('print(open("kept.txt").read())', session)).toMatchObject({ stdout: 'kept\n' });
    note(
      'S3, SIGSTOP for 5 s',
      'runs without files completed meanwhile; a cell that makes a file waited, and it is kept',
      1,
    );
  });

  it('the bucket refuses: code without files runs, and what cannot be kept is said', async () => {
    const counter = new RunCounter();
    onTestFinished(() => counter.close());
    const caller = context.caller();
    const session = await caller.openSession();
    // No worker has this content of an earlier test.
    await caller.run(`${counter.code}import os; open("kept.txt", "w").write(os.urandom(9).hex())`, session);
    await counter.begun();
    process.kill(context.cluster.s3.pid, 'SIGKILL');
    const plain = await caller.run('print(6 * 7)');
    expect(plain).toMatchObject({ outcome: 'completed', stdout: '42\n' });
    const made = (await caller.run('open("made.txt", "w").write("made"); print("ok")').catch((error) => error)) as {
      stdout?: string;
      lost?: readonly { path: string }[];
      status?: unknown;
    };
    if (made instanceof Refusal) expect(made.status).toBe(503);
    else expect(made).toMatchObject({ stdout: 'ok\n', lost: [{ path: 'made.txt' }] });
    // On another worker the files of the session are nowhere but in the bucket.
    await context.workerOf(counter).kill();
    // Until its lease is over, what it was sent is lost.
    await expect
      .poll(() => context.caller(1).run('print(1)', session).catch(String), { timeout: 60_000 })
      .toMatch(/503: .*storage_unavailable/s);
    note(
      'S3, kill -9',
      `runs without files completed; a run that makes one: ${made instanceof Refusal ? made.status : '200, the file is lost and named'}; a session that moves: 503`,
      1,
    );
  });
});
