import { expect, it } from 'vitest';
import { ProcessorShare, RunningSandboxes } from './processor-share.ts';

function sandboxes() {
  const running = new RunningSandboxes();
  return () => {
    const written: number[] = [];
    return { share: new ProcessorShare({ weigh: (weight) => written.push(weight) }, running), written };
  };
}

it('divides the weight of an owner among the sandboxes it runs', () => {
  const make = sandboxes();
  const [first, second, third, other] = [make(), make(), make(), make()];
  first.share.adopt('a');
  second.share.adopt('a');
  third.share.adopt('a');
  other.share.adopt('b');
  expect([first, second, third, other].map(({ written }) => written.at(-1))).toEqual([100, 50, 100 / 3, 100]);
  third.share.background(true);
  expect(third.written.at(-1)).toBe(10 / 3);
});

it('counts no sandbox that is frozen or has ended', () => {
  const make = sandboxes();
  const [frozen, ended, last] = [make(), make(), make()];
  frozen.share.adopt('a');
  ended.share.adopt('a');
  frozen.share.pause();
  ended.share.end();
  ended.share.resume();
  last.share.adopt('a');
  expect(last.written.at(-1)).toBe(100);
  frozen.share.resume();
  expect(frozen.written.at(-1)).toBe(50);
});

it('leaves a sandbox without an owner its whole weight', () => {
  const { share, written } = sandboxes()();
  share.adopt(undefined);
  share.background(true);
  share.background(false);
  expect(written).toEqual([10, 100]);
});

it('takes it as no fault when the group is gone', () => {
  const gone = () => {
    throw new Error('ENOENT');
  };
  new ProcessorShare({ weigh: gone }, new RunningSandboxes()).background(true);
});
