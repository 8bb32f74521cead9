import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { startServer } from '../support/server.ts';

const hasTools = ['curl', 'jq'].every((tool) => spawnSync(tool, ['--version']).status === 0);

interface Block {
  readonly kind: string;
  readonly text: string;
}

/** The commands of a guide, and what it says they print. */
function blocksOf(guide: string): Block[] {
  const page = readFileSync(new URL(`../../docs/guides/${guide}.md`, import.meta.url), 'utf8');
  return [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, kind, text]) => ({ kind: kind!, text: text! }));
}

it.runIf(hasTools)(
  'the guide to sessions holds commands that work as they stand, and print what it says',
  async () => {
    const blocks = blocksOf('sessions');
    const server = await startServer();
    const directory = mkdtempSync(join(tmpdir(), 'dragoman-guide-'));
    onTestFinished(async () => {
      rmSync(directory, { recursive: true });
      await server.stop();
    });
    const commands = blocks
      .filter(({ kind }) => kind === 'sh')
      .map(({ text }) => text.replace(/^(URL|KEY)=.*\n/gm, ''))
      .join('\n');
    const script = `set -euo pipefail\nURL=${server.url}/v1\nKEY=${server.key}\n${commands}`;
    const { stdout } = await promisify(execFile)('bash', ['-c', script], { cwd: directory, timeout: 60_000 });
    const promised = blocks.filter(({ kind }) => kind !== 'sh').map(({ text }) => text);
    expect(promised.length).toBeGreaterThan(5);
    for (const text of promised) expect(stdout).toContain(text);
  },
  90_000,
);
