// `npm run test:tiers`: the tests of sandboxes in the tiers beside namespaces, then the table of claims and tiers. Arguments go to the test runner.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readClaims, tiersTable } from './launch/claims.mjs';
import { endLike, prepare, project, runNode } from './launch/run.mjs';

process.chdir(project);
await prepare('full');

const report = mkdtempSync(join(tmpdir(), 'dragoman-tiers-'));
const results = join(report, 'results.json');
const end = await runNode([
  ...[`${project}/node_modules/vitest/vitest.mjs`, 'run', '--config', 'test/tiers/vitest.config.ts'],
  ...['--reporter=default', '--reporter=json', `--outputFile.json=${results}`, ...process.argv.slice(2)],
]);
try {
  const claims = readClaims(readFileSync(`${project}/SECURITY.md`, 'utf8'));
  const table = tiersTable(claims, JSON.parse(readFileSync(results, 'utf8')));
  if (table) console.log(`\n== claims and tiers\n${table}`);
} catch {
  // The test runner has said what kept it from its report.
}
rmSync(report, { recursive: true, force: true });
endLike(end);
