import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as module from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { containerIds, delegate, describeContainer, startInContainer } from './container.mjs';
import { delegationPrefix, describeHost } from './delegation.mjs';
import { ensureDependencies, projectNode } from './dependencies.mjs';
import { ensureFace } from './face.mjs';
import { describeUser, startWithIds, subordinateIds } from './namespace.mjs';
import { nodeFault, platformFault } from './platform.mjs';

/** The root folder of the project. */
export const project = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const mainFile = `${project}/src/main.ts`;
/** Compiled modules are kept between starts: compiling takes half of the time to load the service. */
const compileCache = `${project}/node_modules/.cache/node`;

/**
 * Checks the platform and installs npm packages; ends the process with a message when one of them fails.
 * @param {'production' | 'full'} kind
 * @param {number} exitCode of this process when one fails
 */
export async function prepare(kind, exitCode = 1) {
  try {
    const fault = platformFault();
    if (fault) throw new Error(fault);
    await ensureDependencies(project, kind);
  } catch (error) {
    console.error(`dragoman: ${error.message}`);
    process.exit(exitCode);
  }
}

/** The exit code of commands that only talk to a service, where the program they run is not at fault. */
const ownFault = 125;

/** Commands that need this machine: its sandboxes, its data or its packages. The others only talk to a service. */
const hostCommands = ['serve', 'setup', 'doctor', 'cluster', 'migrate', 'keys'];

/**
 * Runs the command line. A command that only talks to a service needs no Linux, no sandboxes and no second process, where this Node
 * is new enough to run it.
 * @param {readonly string[]} words the command and its options
 */
export async function runCommandLine(words) {
  const needsHost = words.length === 0 || hostCommands.includes(words[0]);
  const fault = nodeFault(24);
  if (!needsHost && !fault && existsSync(`${project}/node_modules/commander`)) {
    module.enableCompileCache(compileCache);
    await import('../../src/main.ts');
    return;
  }
  // Elsewhere the project brings no Node of its own.
  if (!needsHost && process.platform !== 'linux') {
    console.error(`dragoman: ${fault ?? `run this first: cd ${project} && npm ci --omit=dev`}`);
    process.exit(ownFault);
  }
  await prepare('production', needsHost ? 1 : ownFault);
  endLike(await (needsHost ? runCommand(words) : ended(start([projectNode(project), mainFile, ...words], usualEnv()))));
}

/**
 * Runs a command of the service. Where an ordinary user has ids for sandboxes, commands that make sandboxes run as root of a user
 * namespace with these ids. OS packages are installed before that, because root of a user namespace cannot install them. In a container
 * every command runs in such a namespace, because the data belongs to the user of the service.
 * @param {readonly string[]} words the command and its options
 */
export async function runCommand(words) {
  const command = [mainFile, ...words];
  const [name = 'serve'] = words;
  if (name.startsWith('-')) return runNode(command);
  if (name === 'serve') await ensureFace(project);
  const container = containerIds(describeContainer());
  if (container) {
    delegate(container.service, process.env.DRAGOMAN_DATA_DIR);
    // Without the namespace only `doctor` is of use: it names the option that is missing.
    return runNode(command, (_, words, env) => startInContainer(words, container, env), name !== 'doctor');
  }
  if (!['serve', 'doctor'].includes(name)) return runNode(command);
  const user = describeUser();
  if (name === 'serve' && subordinateIds({ ...user, hasMappers: true })) {
    const end = await runNode([mainFile, 'setup']);
    if (end.status !== 0) return end;
  }
  // The set-up may have installed the programs that map ids.
  const ids = subordinateIds(describeUser());
  if (!ids) become([...delegationPrefix(describeHost()), ...nodeWords(command)], usualEnv());
  return runNode(command, ids && ((prefix, words, env) => startWithIds(prefix, words, ids, env)));
}

/**
 * A young generation of 8 MiB: with Node's own size, which grows with the load, the service takes 45 MiB more at rest and 75 more under
 * load, for 0.05 ms of a run.
 */
export const nodeOptions = ['--max-semi-space-size=8'];

/**
 * Two places for the memory of libraries: the C library's own number, eight for each processor, costs 10 MiB at rest. They are few enough
 * threads to share them.
 */
export const nodeEnvironment = { MALLOC_ARENA_MAX: '2' };

/**
 * Runs the project's Node with the project's programs first in PATH, and passes signals on.
 * @param {readonly string[]} args
 * @param {(prefix: readonly string[], words: readonly string[], env: NodeJS.ProcessEnv) => Promise<ChildProcess>} startInside starts it in
 *   a user namespace; without one, or when that fails, it starts as this user
 * @param {boolean} required it must not start as this user instead
 * @typedef {import('node:child_process').ChildProcess} ChildProcess
 * @returns {Promise<{ status: number | null, signal: NodeJS.Signals | null }>} how it ended
 */
export async function runNode(args, startInside = undefined, required = false) {
  const env = usualEnv();
  const prefix = delegationPrefix(describeHost());
  const words = nodeWords(args);
  const child =
    (startInside && (await attempt(() => startInside(prefix, words, env), required))) ??
    start([...prefix, ...words], env);
  return ended(child);
}

const nodeWords = (args) => [projectNode(project), ...nodeOptions, ...args];

/** Becomes a program, where this Node can: no process of 40 MiB then waits for the service. Returns where it cannot. */
function become(words, env) {
  process.execve?.('/usr/bin/env', ['env', ...words], env);
}

/** Waits for a child, and passes signals on meanwhile. */
function ended(child) {
  const forward = (signal) => {
    // A terminal sends SIGINT to the child as well, and the child treats a second one as a request to end at once.
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

function usualEnv() {
  return {
    NODE_COMPILE_CACHE: compileCache,
    ...nodeEnvironment,
    ...process.env,
    PATH: `${project}/node_modules/.bin:${process.env.PATH ?? ''}`,
  };
}

function start([program, ...args], env) {
  return spawn(program, args, { stdio: 'inherit', env });
}

/** Without a range of ids the service still starts; its sandboxes then share the user of the service. */
async function attempt(startInside, required) {
  try {
    return await startInside();
  } catch (error) {
    if (required) {
      console.error(`dragoman: ${error.message}. The command "doctor" names the option that is missing.`);
      process.exit(1);
    }
    console.error(`dragoman: sandboxes get no users of their own: ${error.message}`);
    return undefined;
  }
}

/** Ends this process as a child ended. */
export function endLike({ status, signal }) {
  if (signal) process.kill(process.pid, signal);
  else process.exitCode = status ?? 1;
}
