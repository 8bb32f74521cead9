import { Command } from 'commander';
import { ownFault } from './client/command-error.ts';
import { addClientCommands } from './client/index.ts';
import { addCompletionCommand } from './completion.ts';
import { addHostCommands } from './host.ts';
import { addMcpCommand } from './mcp.ts';

export interface ProgramOptions {
  readonly version: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * The command line: every command with its help. A command is a function `add…Command(program, …)` that declares it; what is heavy is
 * imported when it runs.
 */
export function createProgram({ version, env }: ProgramOptions): Command {
  const program = new Command('dragoman')
    .description('a self-hosted code interpreter')
    .version(version)
    // Exit code 1 is left to programs: `run` ends as they do.
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : ownFault))
    .showHelpAfterError('(dragoman <command> --help tells more)')
    .showSuggestionAfterError()
    .addHelpText(
      'after',
      `\nExit code ${ownFault}: the command itself failed, or the service refused. Every other code of "run", "repl" and "notebook run" is of the program.`,
    );
  addClientCommands(program, env);
  addMcpCommand(program, { env }, version);
  addHostCommands(program, version);
  program.commandsGroup('Besides:');
  addCompletionCommand(program);
  return program;
}
