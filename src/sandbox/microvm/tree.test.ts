import { duplexPair } from 'node:stream';
import { expect, it } from 'vitest';
import { TreeWorkspace } from '../file-tree.ts';
import { frameHead, fromMachine } from './frames.ts';
import { MachinePort } from './port.ts';
import { MachineTree } from './tree.ts';

const limits = { entries: 100, depth: 10, files: 10, fileBytes: 1000, totalBytes: 1000 };
const known = new Map([['in.txt', { size: 2, digest: 'a'.repeat(64) }]]);

/** A workspace of a machine, and what its relay would say. */
function machine() {
  const [near, far] = duplexPair();
  far.resume();
  const port = new MachinePort(near);
  const answer = (id: number, value: unknown) => {
    const content = Buffer.from(JSON.stringify({ answer: id, value }));
    far.write(Buffer.concat([frameHead(fromMachine.events, content.length), content]));
  };
  return { workspace: new TreeWorkspace(new MachineTree(port)), answer, end: () => void far.destroy() };
}

it('the files of a machine that ends while it is asked for them are not known, and the answer says that some are missing', async () => {
  const { workspace, end } = machine();
  const differs = workspace.differs(known, limits);
  end();
  expect(await differs).toBe(true);
  expect(await workspace.changes(known, limits)).toMatchObject({
    files: [],
    gone: [],
    unchanged: ['in.txt'],
    truncated: true,
  });
});

it('a file that is not read yet when its machine ends is refused, as one that may be had in another run', async () => {
  const { workspace, answer, end } = machine();
  const opening = workspace.open('out.txt');
  answer(1, [10, 0o644, 'stamp']);
  const file = (await opening)!;
  const reading = Array.fromAsync(file.read());
  end();
  await expect(reading).rejects.toMatchObject({ code: 'sandbox_unavailable' });
  file.close();
});
