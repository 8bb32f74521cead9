import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { Dragoman } from '#client';
import type { ClientContext } from './command.ts';
import { CommandError } from './command-error.ts';
import { profilesPath, readProfiles, writeProfiles } from './profiles.ts';
import { shown, table } from './terminal.ts';

/** Adds `profile add|list|use|rm`: services by name, with their keys, in a file that only its owner can open. */
export function addProfileCommands(program: Command, { env, terminal }: ClientContext): void {
  const path = profilesPath(env);
  const profiles = program.command('profile').description('services by name, with their keys');

  profiles
    .command('add')
    .description('add or replace a service; its key is asked for, or read from a pipe')
    .argument('<name>', 'a name for --profile')
    .requiredOption('--url <address>', 'where the service is')
    .option('--json', 'print JSON')
    .action(async (name: string, { url, json }: { url: string; json?: true }) => {
      if (!/^[\w.-]{1,64}$/.test(name))
        throw new CommandError('The name of a profile has letters, digits, ".", "_" and "-".');
      checkAddress(url);
      const given = process.stdin.isTTY ? await askSecret() : await text(process.stdin);
      const apiKey = given.trim() || undefined;
      const { usual, all } = await readProfiles(path);
      const others = all.filter((profile) => profile.name !== name);
      await writeProfiles(path, { usual: usual ?? name, all: [...others, { name, url, apiKey }] });
      if (json) terminal.json({ name, url, has_key: apiKey !== undefined, default: (usual ?? name) === name });
      else terminal.note(`Saved ${name} in ${path}${apiKey ? '' : ', without a key'}.`);
    });

  profiles
    .command('list', { isDefault: true })
    .description('list the services')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: true }) => {
      const { usual, all } = await readProfiles(path);
      const rows = all.map(({ name, url, apiKey }) => ({
        name,
        url,
        has_key: apiKey !== undefined,
        default: name === usual,
      }));
      if (json) return terminal.json(rows);
      if (rows.length === 0) return terminal.note('There are no profiles. "dragoman profile add" makes one.');
      for (const line of table(rows.map((row) => [row.default ? '*' : ' ', shown(row.name), shown(row.url)])))
        terminal.line(line);
    });

  profiles
    .command('use')
    .description('use a service when nothing else is said')
    .argument('<name>')
    .action(async (name: string) => {
      const { all } = await readProfiles(path);
      if (!all.some((profile) => profile.name === name)) throw new CommandError(`There is no profile ${name}.`);
      await writeProfiles(path, { usual: name, all });
    });

  profiles
    .command('rm')
    .description('forget a service and its key')
    .argument('<name>')
    .action(async (name: string) => {
      const { usual, all } = await readProfiles(path);
      if (!all.some((profile) => profile.name === name)) throw new CommandError(`There is no profile ${name}.`);
      const others = all.filter((profile) => profile.name !== name);
      await writeProfiles(path, { usual: usual === name ? undefined : usual, all: others });
    });
}

function checkAddress(url: string): void {
  try {
    new Dragoman({ url });
  } catch {
    throw new CommandError(`${url} is no address of a service. It looks like http://127.0.0.1:8080`);
  }
}

/** Asks for the key without showing it. */
async function askSecret(): Promise<string> {
  process.stderr.write('API key (empty for none): ');
  const silent = new Writable({ write: (_piece, _encoding, done) => done() });
  const asking = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    return await asking.question('');
  } finally {
    asking.close();
    process.stderr.write('\n');
  }
}
