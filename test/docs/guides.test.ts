import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { parse as parseYaml } from 'yaml';
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
    // Other kinds are examples that no command here prints.
    const promised = blocks.filter(({ kind }) => kind === 'json' || kind === 'text').map(({ text }) => text);
    expect(promised.length).toBeGreaterThan(5);
    for (const text of promised) expect(stdout).toContain(text);
  },
  90_000,
);

it('the guide to MCP hosts holds configurations that can be read', () => {
  const blocks = blocksOf('mcp');
  for (const { text } of blocks.filter(({ kind }) => kind === 'json'))
    expect(JSON.stringify(JSON.parse(text))).toContain('dragoman');
  const yaml = blocks.filter(({ kind }) => kind === 'yaml').map(({ text }) => parseYaml(text));
  expect(yaml).toMatchObject([
    { mcpServers: { dragoman: { type: 'streamable-http', headers: { 'x-dragoman-links': 'off' } } } },
    { mcp_servers: { dragoman: { transport: 'http' } } },
  ]);
});

it('the guide to MCP hosts holds a program for LangChain that works as it stands', async () => {
  const program = blocksOf('mcp').find(({ text }) => text.includes('@langchain/mcp-adapters'))!.text;
  const server = await startServer();
  onTestFinished(() => server.stop());
  const more =
    'const [run] = tools;\nconsole.log(JSON.stringify(await run!.invoke({ code: "print(6 * 7)" })));\nawait client.close();';
  // Packages are found from inside the project alone.
  const file = fileURLToPath(new URL(`./snippet-${process.pid}.mts`, import.meta.url));
  onTestFinished(() => rmSync(file, { force: true }));
  writeFileSync(file, `${program.replace('http://127.0.0.1:8080', server.url)}\n${more}`);
  const env = { PATH: process.env.PATH, DRAGOMAN_API_KEY: server.key };
  const { stdout } = await promisify(execFile)(process.execPath, [file], { env, timeout: 60_000 });
  expect(stdout).toContain('42');
});
