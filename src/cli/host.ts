import type { Command } from 'commander';
import { nearest } from '../core/index.ts';
import { addClusterCommand } from './cluster.ts';
import { addKeyCommands } from './keys.ts';

/**
 * Adds the commands of the machine that the service runs on: `serve`, `setup`, `doctor`, `cluster`, `migrate`, `keys`. They load the engine and the stores
 * only when one of them runs, so that the other commands start fast.
 */
export function addHostCommands(program: Command, version: string): void {
  program.commandsGroup('On the machine of the service:');
  program
    .command('serve', { isDefault: true })
    .description('set up what is missing, then start the service')
    .option('--print-config', 'print the settings in effect as YAML, without secrets, and end')
    // A word that is no command comes here, because this is the default one.
    .allowExcessArguments()
    .action(async ({ printConfig }: { printConfig?: true }, { args }: Command) => {
      if (args.length > 0) refuseWord(program, args[0]!);
      const commands = await import('./serve.ts');
      if (printConfig) commands.printConfig();
      else await commands.serve(version);
    });

  program
    .command('setup')
    .description('install OS packages and build the sandbox image where they are missing')
    .option('--tests', 'also what the tests need: a browser and a database server')
    .action(async ({ tests }: { tests?: true }) => (await import('./serve.ts')).setup({ forTests: tests === true }));

  program
    .command('doctor')
    .description(
      'report what this host offers for isolation, and what is missing; "doctor cluster": what joins several machines',
    )
    .argument('[cluster]', 'the NATS server, the database and the bucket of a gateway, or the rights of a worker')
    .option('--json', 'as JSON')
    .action(async (subject: string | undefined, { json }: { json?: true }) => {
      if (subject === 'cluster') {
        const { examineCluster } = await import('./cluster-doctor/index.ts');
        process.exitCode = (await examineCluster(version, json === true)) ? 0 : 1;
        return;
      }
      if (subject !== undefined) refuseWord(program, subject);
      const { examineHost } = await import('./examine-host.ts');
      process.exitCode = (await examineHost(json === true)) ? 0 : 1;
    });

  addClusterCommand(program);

  program
    .command('migrate')
    .description('copy an installation to another database, its files to another place, or both, while no server runs')
    .option('--from <database>', 'where the records are: "sqlite" (the data directory) or postgres://…', 'sqlite')
    .option('--to <database>', 'where they go: "sqlite" or postgres://…; it has to be empty')
    .option(
      '--files-from <place>',
      'where the bytes of files are: "disk" (the data directory) or s3://bucket/prefix',
      'disk',
    )
    .option('--files-to <place>', 'where they go; what is there already is not sent again')
    .action(async (options) => (await import('./migrate.ts')).migrate(options));

  addKeyCommands(program, {
    print: (line) => console.log(line),
    withKeys: async (use) => (await import('./local-keys.ts')).withLocalKeys(use),
  });
}

function refuseWord(program: Command, word: string): never {
  const names = program.commands.map((command) => command.name());
  program.error(`error: there is no command ${JSON.stringify(word)}\n(Did you mean ${nearest(word, names)}?)`);
}
