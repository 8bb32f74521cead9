import { expect, test } from 'vitest';
import { claimsTable, readClaims, tiersTable } from './launch/claims.mjs';

const page = `
| name | claim | how | test |
| --- | --- | --- | --- |
| \`host\` | Nothing of the host is visible | walls | test/a.test.ts |
| \`image\` | The image stays | read-only | test/a.test.ts, test/b.test.ts |
| \`time\` | Time ends | deadlines | test/c.test.ts |
`;
const outcome = (status: string, claim?: string, programs?: string[], tier?: string) =>
  ({ status, meta: { claim, programs, tier } }) as never;
const results = (...assertionResults: never[]) => ({ testResults: [{ assertionResults }] });

test('claims are read from the table', () => {
  expect([...readClaims(page)]).toEqual([
    ['host', { text: 'Nothing of the host is visible', tests: ['test/a.test.ts'] }],
    ['image', { text: 'The image stays', tests: ['test/a.test.ts', 'test/b.test.ts'] }],
    ['time', { text: 'Time ends', tests: ['test/c.test.ts'] }],
  ]);
});

test('the table counts attacks and programs, and names the claims that broke and those not attacked', () => {
  const table = claimsTable(
    readClaims(page),
    results(
      outcome('passed', 'host', ['x.py', 'y.py']),
      outcome('passed', 'host', ['x.py']),
      outcome('passed', 'image'),
      outcome('failed', 'image', ['z.sh']),
      outcome('skipped', 'time'),
      outcome('passed'),
    ),
  );
  expect(table!.split('\n').map((line) => line.replaceAll(/ +/g, ' ').trim())).toEqual([
    'attacks programs claim',
    'held 2 of 2 2 host Nothing of the host is visible',
    'BROKEN 1 of 2 1 image The image stays',
    '1 of 3 claims of SECURITY.md attacked and held',
    'not attacked in this run: time',
  ]);
});

test('a run without attacks has no table', () => {
  expect(claimsTable(readClaims(page), results(outcome('passed')))).toBeUndefined();
});

test('the table of tiers has a column for each, and what was not attacked in one of them', () => {
  const table = tiersTable(
    readClaims(page),
    results(
      outcome('passed', 'host', [], 'gvisor'),
      outcome('passed', 'host', [], 'microvm'),
      outcome('passed', 'host', [], 'microvm'),
      outcome('failed', 'image', [], 'gvisor'),
      outcome('skipped', 'time', [], 'gvisor'),
    ),
  );
  expect(table!.split('\n').map((line) => line.replaceAll(/ +/g, ' '))).toEqual([
    'claim gvisor microvm',
    'host held 1 held 2',
    'image BROKEN 1 of 1 -',
  ]);
});
