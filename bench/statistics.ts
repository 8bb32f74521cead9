export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function percentile(values: readonly number[], share: number): number {
  return [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))]!;
}

/** A row of a table of times, in milliseconds: name, p50, p95, and what is promised. */
export function timesRow(name: string, values: readonly number[], promised: string): (string | number)[] {
  return [name, median(values), percentile(values, 0.95), promised];
}

/** Prints rows as an aligned table. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const text = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? cell.toFixed(2) : cell)));
  const widths = head.map((title, column) => Math.max(title.length, ...text.map((row) => row[column]!.length)));
  for (const row of [head, ...text]) console.log(row.map((cell, column) => cell.padEnd(widths[column]!)).join('  '));
  console.log();
}
