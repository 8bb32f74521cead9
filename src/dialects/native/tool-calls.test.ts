import { beforeEach, describe, expect, it } from 'vitest';
import { allEvents } from '../../../test/support/events.ts';
import { nativeServer } from '../../../test/support/native-server.ts';
import type { SteeredJob } from '../../../test/support/steered-job.ts';

const cell = { language: 'python', code: '1 + 1' };

let server: Awaited<ReturnType<typeof nativeServer>>;
let session: string;
beforeEach(async () => {
  server = await nativeServer();
  session = (await server.call('POST', '/v1/sessions', {})).json.id;
});

const script = (steps: (job: SteeredJob) => void | Promise<void>) => {
  server.jobs.steps = steps;
};
const post = (body: object) => server.call('POST', `/v1/sessions/${session}/executions`, body);
const stream = () => server.send('POST', `/v1/sessions/${session}/executions`, cell, { accept: 'text/event-stream' });

describe('tools', () => {
  const call = (id: string) => ({ id, name: 'f', input: { id } });

  const asking = { ...cell, tools: [{ name: 'f' }] };

  it('are asked for, answered and asked for again', async () => {
    const heard: unknown[] = [];
    script(async (job) => {
      heard.push(...(await job.call(call('a'), call('b'))));
      heard.push(...(await job.call(call('c'))));
      job.finish();
    });
    const { json } = await post(asking);
    expect(json).toMatchObject({ status: 'tool_calls', tool_calls: [call('a'), call('b')] });
    const path = `/v1/sessions/${session}/executions/${json.id}/tool_results`;
    const partly = await server.call('POST', path, { results: [{ id: 'a', value: { x: 1 } }] });
    expect(partly.json.tool_calls).toEqual([call('b')]);
    const next = await server.call('POST', path, { results: [{ id: 'b', error: 'no' }] });
    expect(next.json.tool_calls).toEqual([call('c')]);
    const last = await server.call('POST', path, { results: [{ id: 'c' }] });
    expect(last.json.status).toBe('done');
    expect(heard).toEqual([
      { id: 'a', value: { x: 1 } },
      { id: 'b', error: 'no' },
      { id: 'c', value: null },
    ]);
  });

  it('are told once each in a stream', async () => {
    script((job) => {
      job.tell({ type: 'tool_calls', calls: [call('a'), call('b')] });
      job.tell({ type: 'tool_calls', calls: [call('b'), call('c')] });
      job.finish();
    });
    const calls = (await allEvents(await stream())).filter(({ event }) => event === 'tool_call');
    expect(calls.map(({ id, data }) => [id, data.id])).toEqual([
      [undefined, 'a'],
      ['1', 'b'],
      ['2', 'c'],
    ]);
  });

  it.each([
    [{ results: [{ id: 'z', value: 1 }] }, 400],
    [{ results: [] }, 400],
    [{}, 400],
  ])('refuse %j', async (body, status) => {
    script(async (job) => void (await job.call(call('a'))));
    const { json } = await post(asking);
    expect((await server.call('POST', `/v1/executions/${json.id}/tool_results`, body)).status).toBe(status);
  });
});
