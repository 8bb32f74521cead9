import { expect, it } from 'vitest';
import type { Language } from '../../runner/index.ts';
import { ToolAllowance } from './tool-allowance.ts';

const python: Language = {
  ...{ name: 'python', title: 'Python', aliases: [], kernel: 'python', tools: 'python' },
  ...{ compile: null, run: [], check: null },
};

it('costs the owner of the most executions its oldest one where memory is short, and never an owner of no more', () => {
  let memory = 100;
  const ended: string[] = [];
  const allowance = new ToolAllowance({ maxToolExecutions: 10, reserveBytes: 10, availableMemory: () => memory });
  const take = (owner: string, id: string) =>
    allowance.take(owner, python, [{ name: 'ask' }], () => {
      ended.push(id);
    });
  const overloaded = expect.objectContaining({ code: 'overloaded' });
  for (const id of ['a1', 'a2', 'a3']) take('ann', id);
  memory = 0;
  expect(() => take('ann', 'a4')).toThrow(overloaded);
  const giveBack = take('bob', 'b1');
  expect(ended).toEqual(['a1']);
  // Each has at most one more than the other by now.
  expect(() => take('bob', 'b2')).toThrow(overloaded);
  giveBack();
  expect(() => take('ann', 'a5')).toThrow(overloaded);
  take('bob', 'b3');
  expect(ended).toEqual(['a1', 'a2']);
});
