import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { changelogWithVersion, chartWithVersion, clientWithVersion, lockWithVersion } from './release.mjs';

const read = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');

it('the chart has the version of package.json', () => {
  const { version } = JSON.parse(read('package.json'));
  const chart = read('deploy/helm/dragoman/Chart.yaml');
  expect(chartWithVersion(chart, version)).toBe(chart);
  expect(chartWithVersion(chart, '9.8.7')).toMatch(/^version: 9\.8\.7\nappVersion: 9\.8\.7$/m);
});

it('the changelog gets a date', () => {
  const text = '# Changelog\n\n## 0.2 (unreleased)\n\n## 0.1\n';
  expect(changelogWithVersion(text, '0.2.0', '2026-12-01')).toContain('\n## 0.2.0 (2026-12-01)\n');
  expect(() => changelogWithVersion(text, '0.3.0', '2026-12-01')).toThrow('no "## 0.3 (unreleased)"');
});

it('the client and the lock file have the version of package.json', () => {
  const { version } = JSON.parse(read('package.json'));
  const [client, lock] = [read('client/package.json'), read('package-lock.json')];
  expect(clientWithVersion(client, version)).toBe(client);
  expect(lockWithVersion(lock, version)).toBe(lock);
  expect(JSON.parse(clientWithVersion(client, '9.8.7')).version).toBe('9.8.7');
  expect(JSON.parse(lockWithVersion(lock, '9.8.7')).packages.client.version).toBe('9.8.7');
});
