import { Command } from 'commander';
import { addHostCommands } from './host.ts';

export interface ProgramOptions {
  readonly version: string;
}

/**
 * The command line: every command with its help. A command is a function `add…Command(program, …)` that declares it and imports
 * what it needs only when it runs.
 */
export function createProgram({ version }: ProgramOptions): Command {
  const program = new Command('dragoman').description('a self-hosted code interpreter').version(version);
  addHostCommands(program, version);
  return program;
}
