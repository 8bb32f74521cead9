import { relative } from 'node:path';

const shown = 12;
const worthTellingMs = 5000;

/**
 * The test files that took longest, one line each, and how much of the time of all files they are.
 * @param {{ testResults: readonly { name: string, startTime: number, endTime: number, assertionResults: readonly unknown[] }[] }} result
 *   the report of the test runner's JSON reporter
 * @param {string} project its root folder
 * @returns undefined when no file took long
 */
export function slowestFiles(result, project) {
  const files = result.testResults
    .map(({ name, startTime, endTime, assertionResults }) => ({
      name: relative(project, name),
      ms: endTime - startTime,
      tests: assertionResults.length,
    }))
    .sort((a, b) => b.ms - a.ms);
  const slow = files.filter(({ ms }) => ms >= worthTellingMs).slice(0, shown);
  if (slow.length === 0) return undefined;
  const seconds = (list) => list.reduce((sum, { ms }) => sum + ms, 0) / 1000;
  return [
    ...slow.map(
      ({ name, ms, tests }) => `${(ms / 1000).toFixed(1).padStart(7)} s  ${String(tests).padStart(4)} tests  ${name}`,
    ),
    `${seconds(slow).toFixed(0)} of ${seconds(files).toFixed(0)} s of all files`,
  ].join('\n');
}
