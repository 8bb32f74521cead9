import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, it, onTestFinished } from 'vitest';
import { type Artifact, Dragoman } from '#client';
import type { Work } from './command.ts';
import { Terminal } from './terminal.ts';
import { saveArtifacts } from './told.ts';

it('tells of each file that is not saved, and ends with the code of a fault of its own', async () => {
  const out = mkdtempSync(join(tmpdir(), 'told-'));
  const before = process.exitCode;
  onTestFinished(() => {
    rmSync(out, { recursive: true });
    process.exitCode = before;
  });
  process.exitCode = undefined;
  const streams = { stdout: new PassThrough(), stderr: new PassThrough() };
  const terminal = new Terminal(streams as unknown as Pick<NodeJS.Process, 'stdout' | 'stderr'>);
  const dragoman = new Dragoman({ url: 'http://127.0.0.1:1', fetch: async () => new Response('content') });
  const work: Work = {
    dragoman,
    terminal,
    service: { url: '', apiKey: undefined, urlFrom: '', keyFrom: undefined },
    signal: new AbortController().signal,
  };
  const artifact = (path: string): Artifact => ({
    id: 'f',
    session_id: 'x',
    path,
    size: 7,
    mime: 'text/plain',
    sha256: '',
    created_at: '',
    source: 'program',
    change: 'created',
  });
  const saved = await saveArtifacts(
    work,
    {
      session_id: 'x',
      artifacts: [artifact('a\x1b[2J'), artifact('fine.txt')],
      lost: [{ path: 'b\x1b]0;x\x07', reason: 'bad name' }],
      artifacts_lost: 3,
      truncated: true,
    },
    out,
  );
  expect(saved).toEqual([join(out, 'fine.txt')]);
  expect(readFileSync(saved[0]!, 'utf8')).toBe('content');
  const said = String(streams.stderr.read());
  expect(said).toContain('The file a\\u001b[2J is not saved');
  expect(said).toContain('The file b\\u001b]0;x\\u0007 is not saved: the service did not store it (bad name).');
  expect(said).toContain('2 more files');
  expect(said).toContain('Something is left out');
  expect(process.exitCode).toBe(125);
});
