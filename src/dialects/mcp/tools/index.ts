import { checkCommand, runCommand } from './command.ts';
import { listFiles, readFile, writeFile } from './files.ts';
import { resetSession } from './reset.ts';
import { checkRun, runCode } from './run.ts';
import type { Tool } from './tool.ts';

export type { Tool } from './tool.ts';

/** Every tool, in the order in which hosts show them. */
export const tools: readonly Tool[] = [
  runCode,
  checkRun,
  runCommand,
  checkCommand,
  writeFile,
  readFile,
  listFiles,
  resetSession,
];

export const toolByName: ReadonlyMap<string, Tool> = new Map(tools.map((tool) => [tool.name, tool]));
