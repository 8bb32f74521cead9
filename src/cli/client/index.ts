import type { Command } from 'commander';
import { addAskCommand } from './ask.ts';
import { addBenchCommand } from './bench.ts';
import type { ClientContext } from './command.ts';
import { addExecCommand } from './exec.ts';
import { addFileCommands } from './files.ts';
import { addNotebookCommands } from './notebook.ts';
import { addProfileCommands } from './profile-commands.ts';
import type { Environment } from './profiles.ts';
import { addReplCommand } from './repl.ts';
import { addRunCommand } from './run.ts';
import { addSessionCommands } from './sessions.ts';
import { Terminal } from './terminal.ts';

/** Adds the commands that talk to a service, on this machine or another. */
export function addClientCommands(program: Command, env: Environment): void {
  const context: ClientContext = { env, terminal: new Terminal(process) };
  program.commandsGroup('With a service, here or elsewhere:');
  addRunCommand(program, context);
  addReplCommand(program, context);
  addAskCommand(program, context);
  addNotebookCommands(program, context);
  addSessionCommands(program, context);
  addExecCommand(program, context);
  addFileCommands(program, context);
  addProfileCommands(program, context);
  addBenchCommand(program, context);
}
