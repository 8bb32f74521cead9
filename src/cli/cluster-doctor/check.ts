/** One thing that was looked at. `absent`: it need not be there, or could not be looked at. */
export interface Check {
  readonly name: string;
  readonly state: 'present' | 'missing' | 'absent';
  readonly detail: string;
}

/** A check that passes when nothing is wrong: `faults` are ends of one sentence. */
export function checkOf(name: string, found: string, faults: readonly (string | false | undefined)[] = []): Check {
  const wrong = faults.filter((fault) => !!fault);
  return wrong.length === 0
    ? { name, state: 'present', detail: found }
    : { name, state: 'missing', detail: `${found}: ${wrong.join('; ')}` };
}

/** What this throws becomes a check that failed. */
export async function attempt(name: string, look: () => Promise<readonly Check[]>): Promise<readonly Check[]> {
  try {
    return await look();
  } catch (error) {
    return [{ name, state: 'missing', detail: (error as Error).message }];
  }
}

/** Clocks that are further apart than this end waits too early or too late, in milliseconds. */
const maxSkewMs = 1000;

export function clockCheck(name: string, skewMs: number, toleranceMs = 0): Check {
  const shown = `${Math.round(Math.abs(skewMs))} ms ${skewMs < 0 ? 'behind' : 'ahead'}`;
  const isFar = Math.abs(skewMs) - toleranceMs > maxSkewMs;
  return checkOf(name, shown, [isFar && 'run NTP on both machines, so that their clocks agree within a second']);
}
