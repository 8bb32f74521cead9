import { expect, it } from 'vitest';
import { Dragoman } from '#client';
import { explained } from './client-failure.ts';
import { CommandError } from './command-error.ts';

const { files } = new Dragoman({ url: 'http://127.0.0.1:1' }).sessions.open('x');

it.each([
  ['fetched', async () => files.get('../secret')],
  ['removed', async () => files.delete('a//b')],
  ['stored', async () => files.put('./a', 'text')],
])('a file that is %s by a path that is none is told in a sentence', async (_, call) => {
  const error = explained(await call().catch((thrown: unknown) => thrown), undefined);
  expect(error).toBeInstanceOf(CommandError);
  expect((error as CommandError).message).toMatch(/is no path of a file/);
});
