/**
 * The claims of SECURITY.md, by their names.
 * @param {string} markdown
 * @returns {ReadonlyMap<string, { text: string, tests: readonly string[] }>}
 */
export function readClaims(markdown) {
  const rows = [...markdown.matchAll(/^\| `([a-z]+)` \| (.+?) \| (?:.+?) \| (.+?) \|$/gm)];
  return new Map(rows.map(([, name, text, tests]) => [name, { text, tests: tests.split(', ') }]));
}

/**
 * The table of claims after a run of the tests: one line for each attacked claim, then the claims that were not attacked.
 * @param {ReturnType<typeof readClaims>} claims
 * @param {{ testResults: readonly { assertionResults: readonly { status: string, meta?: { claim?: string, tier?: string, programs?: readonly string[] } }[] }[] }} result
 *   the report of the test runner's JSON reporter
 * @returns undefined when no test of the run attacked a claim
 */
export function claimsTable(claims, result) {
  const attacks = result.testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status, meta }) => meta?.claim !== undefined && (status === 'passed' || status === 'failed'));
  if (attacks.length === 0) return undefined;
  const lines = [...claims].map(([name, { text }]) => {
    const mine = attacks.filter(({ meta }) => meta.claim === name);
    const programs = new Set(mine.flatMap(({ meta }) => meta.programs ?? []));
    const held = mine.filter(({ status }) => status === 'passed').length;
    const verdict = mine.length === 0 ? '-' : held === mine.length ? 'held' : 'BROKEN';
    return {
      name,
      text,
      verdict,
      programs: programs.size,
      counts: `${held} of ${mine.length}`,
      tried: mine.length > 0,
    };
  });
  const row = (verdict, counts, programs, name, text) =>
    `${verdict.padEnd(8)}${counts.padStart(10)}${programs.padStart(10)}  ${name.padEnd(14)}${text}`;
  const tried = lines.filter((line) => line.tried);
  const left = lines.filter((line) => !line.tried).map(({ name }) => name);
  return [
    row('', 'attacks', 'programs', 'claim', ''),
    ...tried.map((line) => row(line.verdict, line.counts, String(line.programs || ''), line.name, line.text)),
    `${tried.filter(({ verdict }) => verdict === 'held').length} of ${lines.length} claims of SECURITY.md attacked and held`,
    ...(left.length > 0 ? [`not attacked in this run: ${left.join(', ')}`] : []),
  ].join('\n');
}

/**
 * The table of claims and tiers after a run of the tests of tiers: for each attacked claim how many attacks it held in each tier.
 * @param {ReturnType<typeof readClaims>} claims
 * @param {Parameters<typeof claimsTable>[1]} result
 * @returns undefined when no test of the run attacked a claim
 */
export function tiersTable(claims, result) {
  const attacks = result.testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status, meta }) => meta?.claim !== undefined && (status === 'passed' || status === 'failed'));
  const tiers = [...new Set(attacks.map(({ meta }) => meta.tier))].sort();
  if (attacks.length === 0) return undefined;
  const cell = (name, tier) => {
    const mine = attacks.filter(({ meta }) => meta.claim === name && meta.tier === tier);
    const held = mine.filter(({ status }) => status === 'passed').length;
    if (mine.length === 0) return '-';
    return held === mine.length ? `held ${held}` : `BROKEN ${mine.length - held} of ${mine.length}`;
  };
  const width = 16;
  const rows = [...claims.keys()]
    .map((name) => [name, ...tiers.map((tier) => cell(name, tier))])
    .filter(([, ...cells]) => cells.some((text) => text !== '-'));
  return [['claim', ...tiers], ...rows]
    .map((row) =>
      row
        .map((text) => text.padEnd(width))
        .join('')
        .trimEnd(),
    )
    .join('\n');
}
