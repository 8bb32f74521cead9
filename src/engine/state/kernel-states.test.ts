import { expect, it, onTestFinished } from 'vitest';
import { limits, startScriptedEngine } from '../fixtures/scripted-engine.ts';
import { frameHead, streamBegin } from './frames.ts';

it('a stream that stands still in the middle of a frame is given up, and called late', async () => {
  const { engine } = await startScriptedEngine({
    intercept: ({ op }, { pipes }) => {
      if (op !== 'snapshot') return false;
      pipes.save(Buffer.concat([streamBegin, frameHead('H', 1000), Buffer.alloc(10)]));
      return true;
    },
  });
  onTestFinished(() => engine.close());
  const session = await engine.openSession(limits, 'ann');
  await session.run({ language: 'python', code: '1' }, { limits }).done;
  const put = () => Promise.reject(new Error('nothing is stored'));
  expect(await session.saveState('python', { deadlineMs: 1, maxBytes: 1000, put })).toEqual({
    reason: 'deadline',
    message: 'Saving took longer than 1 ms.',
  });
});
