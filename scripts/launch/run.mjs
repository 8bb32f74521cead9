import { spawn } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { delegationPrefix, describeHost } from './delegation.mjs';
import { ensureDependencies, projectNode } from './dependencies.mjs';
import { platformFault } from './platform.mjs';

/** The root folder of the project. */
export const project = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * Makes sure of the platform and the npm packages; ends the process with a message when one is not to be had.
 * @param {'production' | 'full'} kind
 */
export async function prepare(kind) {
  try {
    const fault = platformFault();
    if (fault) throw new Error(fault);
    await ensureDependencies(project, kind);
  } catch (error) {
    console.error(`dragoman: ${error.message}`);
    process.exit(1);
  }
}

/**
 * Runs the project's Node with the project's programs first in PATH, and passes signals on.
 * @param {readonly string[]} args
 * @returns {Promise<{ status: number | null, signal: NodeJS.Signals | null }>} how it ended
 */
export function runNode(args) {
  const env = {
    // Compiled once, not at every start: half of what it takes to load the service.
    NODE_COMPILE_CACHE: `${project}/node_modules/.cache/node`,
    ...process.env,
    PATH: `${project}/node_modules/.bin:${process.env.PATH ?? ''}`,
  };
  const [program, ...words] = [...delegationPrefix(describeHost()), projectNode(project), ...args];
  const child = spawn(program, words, { stdio: 'inherit', env });
  const forward = (signal) => {
    // A terminal has sent it to the child as well, and a second one may mean haste.
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, forward);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (status, signal) => {
      for (const name of signals) process.off(name, forward);
      resolve({ status, signal });
    });
  });
}

/** Ends this process as a child ended. */
export function endLike({ status, signal }) {
  if (signal) process.kill(process.pid, signal);
  else process.exitCode = status ?? 1;
}
