// `npm test`: runs every check in order. Arguments go to the test runner. The last line of the output counts tests.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { claimsTable, readClaims } from './launch/claims.mjs';
import { ensureFace } from './launch/face.mjs';
import { endLike, prepare, project, runNode } from './launch/run.mjs';
import { slowestFiles } from './launch/slowest.mjs';

process.chdir(project);
await prepare('full');
await ensureFace(project);

const bin = `${project}/node_modules`;
const report = mkdtempSync(join(tmpdir(), 'dragoman-test-'));
const results = join(report, 'results.json');
const steps = [
  ['set-up', `${project}/src/main.ts`, 'setup', '--tests'],
  ['types', `${bin}/typescript/bin/tsc`, '--noEmit'],
  ['types of the pages', `${bin}/typescript/bin/tsc`, '--noEmit', '--project', 'web'],
  ['lint', `${bin}/@biomejs/biome/bin/biome`, 'check', '.'],
  ['unused', `${bin}/knip/bin/knip.js`, '--no-progress'],
  [
    'tests',
    `${bin}/vitest/vitest.mjs`,
    'run',
    ...['--reporter=default', '--reporter=json', `--outputFile.json=${results}`, ...process.argv.slice(2)],
  ],
];
let end;
for (const [name, ...args] of steps) {
  console.log(`\n== ${name}`);
  end = await runNode(args);
  if (end.status === 0) continue;
  console.error(`\n${name}: failed`);
  break;
}
const result = readResult();
if (result) {
  const table = claimsTable(readClaims(readFileSync(`${project}/SECURITY.md`, 'utf8')), result);
  if (table) console.log(`\n== claims\n${table}`);
  const slow = slowestFiles(result, project);
  if (slow) console.log(`\n== slowest\n${slow}`);
  console.log(`\n${totals(result)}`);
}
rmSync(report, { recursive: true, force: true });
endLike(end);

/** The report of the test runner; undefined when it did not run. */
function readResult() {
  try {
    return JSON.parse(readFileSync(results, 'utf8'));
  } catch {
    return undefined;
  }
}

/** The totals of the test runner in words. A file that failed before its tests ran counts as one failure. */
function totals(result) {
  const broken = result.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some(({ status }) => status === 'failed'),
  ).length;
  const skipped = result.numPendingTests + (result.numTodoTests ?? 0);
  const counts = `${result.numPassedTests} passed, ${result.numFailedTests + broken} failed`;
  return skipped > 0 ? `${counts}, ${skipped} skipped` : counts;
}
