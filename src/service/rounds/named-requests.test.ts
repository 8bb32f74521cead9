import { describe, expect, it } from 'vitest';
import type { Script } from '../../../test/support/scripted-runner.ts';
import { scriptedService } from '../../../test/support/scripted-service.ts';
import { ann, bob } from '../../../test/support/sessions.ts';

const request = { language: 'python', code: '', asProgram: true, tools: [{ name: 'ask' }] };
const { signal } = new AbortController();
const asking: Script = async (job) => {
  await job.call([{ id: 'call_001', name: 'ask', input: {} }]);
  return undefined;
};

describe('requests that can be cancelled by name', () => {
  it('end once, and are then known to have ended', async () => {
    const { namedRequests, toolRounds } = scriptedService(async ({ signal: cancelled }) => {
      await new Promise((resolve) => cancelled.addEventListener('abort', resolve, { once: true }));
      return undefined;
    });
    const named = namedRequests.begin(ann, 'r');
    const waiting = toolRounds.start(ann, request, { signal, named }).finally(() => named.end());
    await expect.poll(() => namedRequests.cancel(ann, 'r')).toBe(true);
    await expect(waiting).rejects.toEqual(expect.objectContaining({ code: 'cancelled' }));
    expect(await namedRequests.cancel(ann, 'r')).toBe(false);
  });

  it('are cancelled before they have begun an execution, which then ends at once', async () => {
    const { namedRequests, toolRounds, admission } = scriptedService(asking);
    const named = namedRequests.begin(ann, 'r');
    expect(await namedRequests.cancel(ann, 'r')).toBe(true);
    await expect(toolRounds.start(ann, request, { signal, named })).rejects.toEqual(
      expect.objectContaining({ code: 'cancelled' }),
    );
    expect(admission.running).toBe(0);
  });

  it('leave an execution that waits for its client, which the name still cancels', async () => {
    const { namedRequests, toolRounds } = scriptedService(asking);
    const named = namedRequests.begin(ann, 'r');
    const round = await toolRounds.start(ann, request, { signal, named });
    named.end();
    expect(round).toMatchObject({ type: 'calls' });
    expect(await namedRequests.cancel(ann, 'r')).toBe(true);
    expect(await namedRequests.cancel(ann, 'r')).toBe(false);
  });

  it('have nothing left to cancel once they were answered, or failed', async () => {
    const { namedRequests, toolRounds } = scriptedService();
    const named = namedRequests.begin(ann, 'r');
    expect(await toolRounds.start(ann, request, { signal, named })).toMatchObject({ type: 'ended' });
    named.end();
    namedRequests.begin(ann, 'failed').end();
    for (const name of ['r', 'failed']) expect(await namedRequests.cancel(ann, name)).toBe(false);
  });

  it('are to another principal as if they did not exist, and names are each principal’s own', async () => {
    const { namedRequests } = scriptedService();
    namedRequests.begin(ann, 'r');
    for (const stranger of [bob, { ...ann, tenant: 'other' }])
      await expect(namedRequests.cancel(stranger, 'r')).rejects.toEqual(expect.objectContaining({ code: 'not_found' }));
    namedRequests.begin(bob, 'r');
    expect(await namedRequests.cancel(ann, 'r')).toBe(true);
    expect(await namedRequests.cancel(bob, 'r')).toBe(true);
  });

  it('of one principal are not forgotten for the many of another', async () => {
    const { namedRequests } = scriptedService();
    namedRequests.begin(bob, 'r');
    for (let n = 0; n < 5000; n++) namedRequests.begin(ann, `r${n}`).end();
    expect(await namedRequests.cancel(bob, 'r')).toBe(true);
  });
});
