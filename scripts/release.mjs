// Runs in `npm version`: the client, the Helm chart and the changelog get the new version, and go into its commit.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { changelogWithVersion, chartWithVersion, clientWithVersion, lockWithVersion } from './launch/release.mjs';
import { project } from './launch/run.mjs';

const { version } = JSON.parse(readFileSync(`${project}/package.json`, 'utf8'));
const today = new Date().toISOString().slice(0, 10);
const files = {
  'client/package.json': (text) => clientWithVersion(text, version),
  'package-lock.json': (text) => lockWithVersion(text, version),
  'deploy/helm/dragoman/Chart.yaml': (text) => chartWithVersion(text, version),
  'CHANGELOG.md': (text) => changelogWithVersion(text, version, today),
};
for (const [file, change] of Object.entries(files)) {
  const path = `${project}/${file}`;
  writeFileSync(path, change(readFileSync(path, 'utf8')));
}
process.exitCode = spawnSync('git', ['add', ...Object.keys(files)], { cwd: project, stdio: 'inherit' }).status ?? 1;
