import { expect, it } from 'vitest';
import { describeCluster, note } from '../../support/cluster/for-file.ts';

const tools = [
  { name: 'ask', description: 'Asks.', parameters: { type: 'object', properties: { n: { type: 'number' } } } },
];

describeCluster('an execution is reached through the other gateway', { gateways: 2, workers: 2 }, (context) => {
  it('tool calls are answered there', async () => {
    const code = 'print(await tools.ask(n=20) + 1)';
    const asked = (await context.caller(0).post('/executions', { language: 'python', code, tools })) as {
      id: string;
      status: string;
      tool_calls: { id: string }[];
    };
    expect(asked.status).toBe('tool_calls');
    const results = asked.tool_calls.map(({ id }) => ({ id, value: 41 }));
    const ended = await context.caller(1).post(`/executions/${asked.id}/tool_results`, { results });
    expect(ended).toMatchObject({ status: 'done', stdout: '42\n' });
    note('tool answered at the other gateway', '200, once', 1);
  });

  it('it is cancelled there', async () => {
    const session = await context.caller(0).openSession();
    const begun = (await context
      .caller(0)
      .post(
        `/sessions/${session}/executions`,
        { language: 'python', code: 'import time; time.sleep(30)' },
        { prefer: 'respond-async' },
      )) as { id: string };
    await context.caller(1).post(`/executions/${begun.id}/cancel`, {});
    await expect.poll(() => context.caller(0).get(`/executions/${begun.id}`)).toMatchObject({ status: 'done' });
    note('cancelled at the other gateway', 'ended', 1);
  });

  it('a session is used through both in turn, with its variables and files', async () => {
    const session = await context.caller(0).openSession();
    await context.caller(0).run('n = 0', session);
    for (let i = 1; i <= 6; i++) {
      const ran = await context.caller(i % 2).run(`n += 1; open("n${i}.txt", "w").write(str(n)); print(n)`, session);
      expect(ran).toMatchObject({ stdout: `${i}\n`, state: 'continued' });
    }
    const { stdout } = await context.caller(0).run('import os; print(len(os.listdir()))', session);
    expect(stdout).toBe('6\n');
    note('a session through two gateways in turn', 'continued each time', 1);
  });
});
