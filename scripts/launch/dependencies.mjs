import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Installs the npm packages of a project when they are missing or out of date. Reads two small files when they are not.
 * @param {string} project its root folder
 * @param {'production' | 'full'} kind what is needed; a full install includes production
 */
export async function ensureDependencies(project, kind) {
  if (isInstalled(project, kind)) return;
  const release = await lock(project);
  try {
    // Another start may have installed them while this one waited.
    if (!isInstalled(project, kind)) await install(project, developed(project) ? 'full' : kind);
  } finally {
    release();
  }
}

/** The Node that the project brings, independent of the host's. */
export function projectNode(project) {
  return join(project, 'node_modules/.bin/node');
}

function isInstalled(project, kind) {
  if (!existsSync(projectNode(project))) return false;
  const stamp = readStamp(project);
  const satisfies = (present) => present === 'full' || present === kind;
  if (stamp.hash === lockHash(project)) return satisfies(stamp.kind);
  // Installed by hand: npm keeps a record of the packages it installed.
  const present = recordedKind(project);
  if (present) noteStamp(project, present);
  return satisfies(present);
}

/** Which part of the lock file npm's record in node_modules satisfies: `full`, `production`, or undefined for neither. */
function recordedKind(project) {
  const wanted = Object.entries(readJson(join(project, 'package-lock.json'))?.packages ?? {});
  const present = readJson(join(project, 'node_modules/.package-lock.json'))?.packages;
  if (!present) return undefined;
  const lacking = wanted.filter(
    // Most optional packages are for other processors.
    ([path, { version, optional }]) =>
      path !== '' && present[path]?.version !== version && !(optional && !(path in present)),
  );
  if (lacking.length === 0) return 'full';
  return lacking.every(([, { dev, devOptional }]) => dev || devOptional) ? 'production' : undefined;
}

/** Whether packages for development are there, by our note or npm's record: an update must not take them away. */
function developed(project) {
  if (readStamp(project).kind === 'full') return true;
  const present = readJson(join(project, 'node_modules/.package-lock.json'))?.packages ?? {};
  return Object.values(present).some(({ dev }) => dev);
}

async function install(project, kind) {
  const what = kind === 'full' ? 'npm packages, those for development too' : 'npm packages';
  console.log(`Installing ${what}`);
  const started = Date.now();
  const seconds = () => Math.round((Date.now() - started) / 1000);
  const heartbeat = process.stdout.isTTY
    ? undefined
    : setInterval(() => console.log(`Installing ${what} (${seconds()} s)`), 2000);
  // npm must run on another Node than the one it replaces.
  const path = (process.env.PATH ?? '')
    .split(':')
    .filter((folder) => !folder.endsWith('node_modules/.bin'))
    .join(':');
  const args = ['ci', kind === 'full' ? '--include=dev' : '--omit=dev', '--include=optional', '--loglevel=error'];
  const child = spawn('npm', args, { cwd: project, stdio: 'inherit', env: { ...process.env, PATH: path } });
  const fault = await new Promise((resolve) => {
    child.on('error', (error) => resolve(`npm could not be run: ${error.message}`));
    child.on('close', (status, signal) => resolve(status === 0 ? undefined : `npm ended with ${signal ?? status}`));
  });
  clearInterval(heartbeat);
  if (fault)
    throw new Error(
      `${fault}: the packages of package-lock.json are not installed.\nCheck the network and npm's registry and proxy settings (npm config list), then start again.`,
    );
  if (!existsSync(projectNode(project)))
    throw new Error(
      `npm did not install the package node-linux-${process.arch}, which contains the project's Node 24. Check that npm's registry has it and start again.`,
    );
  writeStamp(project, kind);
  console.log(`Installed ${what} in ${seconds()} s`);
}

/**
 * Waits until no other start installs. The kernel releases the lock when its holder ends, also after a crash.
 * @returns {Promise<() => void>} releases the lock
 */
function lock(project) {
  const file = join(project, 'package-lock.json');
  const holder = spawn('flock', ['--wait', '900', file, 'sh', '-c', 'echo; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  return new Promise((resolve, reject) => {
    holder.stdout.once('data', () => resolve(() => holder.stdin.end()));
    holder.on('error', (error) => reject(new Error(`flock (of util-linux) could not be run: ${error.message}`)));
    holder.on('exit', () =>
      reject(new Error('Another start has been installing packages for 15 minutes; end it first.')),
    );
  });
}

const stampPath = (project) => join(project, 'node_modules/.dragoman-install.json');

function readStamp(project) {
  return readJson(stampPath(project)) ?? {};
}

function writeStamp(project, kind) {
  mkdirSync(join(project, 'node_modules'), { recursive: true });
  writeFileSync(stampPath(project), JSON.stringify({ hash: lockHash(project), kind }));
}

/** Notes what is there, so that the next start reads less. A project that cannot be written, as in a container, works without the note. */
function noteStamp(project, kind) {
  try {
    writeStamp(project, kind);
  } catch (error) {
    if (!['EROFS', 'EACCES', 'EPERM'].includes(error.code)) throw error;
  }
}

function lockHash(project) {
  return createHash('sha256')
    .update(readFileSync(join(project, 'package-lock.json')))
    .digest('hex');
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}
