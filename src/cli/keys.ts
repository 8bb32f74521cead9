import { Argument, type Command } from 'commander';
import { defaultPlan } from '../core/index.ts';
import type { ApiKeys } from '../service/index.ts';

/** `withKeys` opens the keys, runs `use` and closes them. `print` writes one line. */
export interface KeyCommandContext {
  withKeys(use: (keys: ApiKeys) => Promise<void>): Promise<void>;
  print(line: string): void;
}

/** Adds `keys create`, `list`, `plan`, `rights` and `revoke`, each with `--json`, to a program. */
export function addKeyCommands(program: Command, { withKeys, print }: KeyCommandContext): void {
  const keys = program.command('keys').description('make, list and revoke API keys, and choose their plans and rights');

  keys
    .command('create')
    .description('make a key and print its secret, once')
    .argument('<name>', 'a name for logs and for `revoke`')
    .option('--plan <plan>', 'a plan of DRAGOMAN_PLANS; without it the key has the plan `default`')
    .option('--admin', 'give it the right `admin`: it may see and end what others run, and manage keys')
    .option('--json', 'as JSON')
    .action((name: string, { plan, admin = false, json }: { plan?: string; admin?: boolean; json?: true }) =>
      withKeys(async (all) => {
        const { key, secret } = await all.create(name, { plan, isAdmin: admin });
        print(
          json ? JSON.stringify({ name, plan: plan ?? defaultPlan, rights: rightsOf(key.isAdmin), secret }) : secret,
        );
      }),
    );

  keys
    .command('list')
    .description('list all keys, without their secrets')
    .option('--json', 'as JSON')
    .action(({ json }: { json?: true }) =>
      withKeys(async (all) => {
        const rows = (await all.list()).map(({ id, name, plan, isAdmin, createdAt, revokedAt }) => ({
          id,
          name,
          plan: plan ?? defaultPlan,
          rights: rightsOf(isAdmin),
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
    .command('rights')
    .description('choose what a key may do; running servers notice within seconds')
    .argument('<name-or-id>')
    .addArgument(
      new Argument('<right>', '`use`: what is its own; `admin`: the operator’s page and API as well').choices([
        'use',
        'admin',
      ]),
    )
    .option('--json', 'as JSON')
    .action((nameOrId: string, right: 'use' | 'admin', { json }: { json?: true }) =>
      withKeys(async (all) => {
        const isAdmin = right === 'admin';
        await all.setAdmin(nameOrId, isAdmin);
        const rights = rightsOf(isAdmin);
        print(json ? JSON.stringify({ key: nameOrId, rights }) : `${nameOrId} has the rights ${rights.join(', ')}.`);
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

const rightsOf = (isAdmin: boolean) => (isAdmin ? ['use', 'admin'] : ['use']);

function tableRow(row: {
  id: string;
  name: string;
  plan: string;
  rights: readonly string[];
  createdAt: string;
  revokedAt: string | null;
}): string {
  const state = row.revokedAt === null ? 'live' : `revoked ${row.revokedAt}`;
  return `${row.id}  ${row.createdAt}  ${row.name}  ${row.plan}  ${row.rights.at(-1)}  ${state}`;
}
