import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { pidOf } from './fork-server.ts';

it('a descriptor of a process that has ended means none, whatever is asked of it meanwhile', async () => {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  await once(child, 'spawn');
  expect(pidOf(child.pid!, 0)).toBeNaN();
  expect(pidOf(child.pid!, 99)).toBe(-1);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(pidOf(child.pid!, 0)).toBe(-1);
});
