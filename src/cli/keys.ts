import type { Command } from 'commander';
import { defaultPlan } from '../core/index.ts';
import type { ApiKeys } from '../service/index.ts';

/** `withKeys` opens the keys, runs `use` and closes them. `print` writes one line. */
export interface KeyCommandContext {
  withKeys(use: (keys: ApiKeys) => Promise<void>): Promise<void>;
  print(line: string): void;
}

/** Adds `keys create <name> [--plan <plan>]`, `list`, `plan <name-or-id> <plan>` and `revoke <name-or-id>`, each with `--json`, to a program. */
export function addKeyCommands(program: Command, { withKeys, print }: KeyCommandContext): void {
  const keys = program.command('keys').description('make, list and revoke API keys, and choose their plans');

  keys
    .command('create')
    .description('make a key and print its secret, once')
    .argument('<name>', 'a name for logs and for `revoke`')
    .option('--plan <plan>', 'a plan of DRAGOMAN_PLANS; without it the key has the plan `default`')
    .option('--json', 'as JSON')
    .action((name: string, { plan, json }: { plan?: string; json?: true }) =>
      withKeys(async (all) => {
        const { secret } = await all.create(name, plan);
        print(json ? JSON.stringify({ name, plan: plan ?? defaultPlan, secret }) : secret);
      }),
    );

  keys
    .command('list')
    .description('list all keys, without their secrets')
    .option('--json', 'as JSON')
    .action(({ json }: { json?: true }) =>
      withKeys(async (all) => {
        const rows = (await all.list()).map(({ id, name, plan, createdAt, revokedAt }) => ({
          id,
          name,
          plan: plan ?? defaultPlan,
          createdAt: isoTime(createdAt),
          revokedAt: revokedAt === null ? null : isoTime(revokedAt),
        }));
        if (json) print(JSON.stringify(rows, null, 2));
        else if (rows.length === 0) print('There are no keys.');
        else for (const row of rows) print(tableRow(row));
      }),
    );

  keys
    .command('plan')
    .description('give a key another plan; running servers notice within seconds')
    .argument('<name-or-id>')
    .argument('<plan>', 'a plan of DRAGOMAN_PLANS, or `default`')
    .option('--json', 'as JSON')
    .action((nameOrId: string, plan: string, { json }: { json?: true }) =>
      withKeys(async (all) => {
        await all.setPlan(nameOrId, plan);
        print(json ? JSON.stringify({ key: nameOrId, plan }) : `${nameOrId} has the plan ${plan}.`);
      }),
    );

  keys
    .command('revoke')
    .description('end a key; running servers notice within seconds')
    .argument('<name-or-id>')
    .option('--json', 'as JSON')
    .action((nameOrId: string, { json }: { json?: true }) =>
      withKeys(async (all) => {
        await all.revoke(nameOrId);
        print(json ? JSON.stringify({ key: nameOrId, revoked: true }) : `Revoked ${nameOrId}.`);
      }),
    );
}

const isoTime = (milliseconds: number) => new Date(milliseconds).toISOString();

function tableRow(row: {
  id: string;
  name: string;
  plan: string;
  createdAt: string;
  revokedAt: string | null;
}): string {
  const state = row.revokedAt === null ? 'live' : `revoked ${row.revokedAt}`;
  return `${row.id}  ${row.createdAt}  ${row.name}  ${row.plan}  ${state}`;
}
