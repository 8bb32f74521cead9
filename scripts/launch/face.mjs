import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectNode } from './dependencies.mjs';

/**
 * Builds the pages for people when their sources have changed. Without their sources, as in an image, what is there stays. A build that
 * fails is told and ends nothing: the service works without pages.
 * @param {string} project its root folder
 */
export async function ensureFace(project) {
  if (!existsSync(join(project, 'web/build.mjs'))) return;
  const digest = digestOf(project);
  const stamp = join(project, 'dist/ui/.digest');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return;
  const started = Date.now();
  const heartbeat = setInterval(
    () => console.log(`Building the pages (${Math.round((Date.now() - started) / 1000)} s)`),
    2000,
  );
  console.log('Building the pages');
  const child = spawn(projectNode(project), [join(project, 'web/build.mjs')], { cwd: project, stdio: 'inherit' });
  const fault = await new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (status, signal) => resolve(status === 0 ? undefined : `it ended with ${signal ?? status}`));
  });
  clearInterval(heartbeat);
  if (fault) {
    console.error(`dragoman: the pages could not be built: ${fault}. The API works without them.`);
    return;
  }
  writeFileSync(stamp, digest);
  console.log(`Built the pages in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

/** Changes with every file of the pages, and with the packages they are made of. */
function digestOf(project) {
  const hash = createHash('sha256').update(readFileSync(join(project, 'package-lock.json')));
  const names = readdirSync(join(project, 'web'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
  for (const name of names.sort()) hash.update(name.slice(project.length)).update('\0').update(readFileSync(name));
  return hash.digest('hex');
}
