import type { Config } from '../config/index.ts';
import { findIsolation } from '../sandbox/index.ts';

/** Prints what the host offers. Returns whether the configured isolation works on it. */
export async function doctor(config: Config, out: { json: boolean; print(line: string): void }): Promise<boolean> {
  const { backend, sandboxUid } = config.isolation;
  const report = findIsolation(backend).probe({ sandboxUid });
  if (out.json) {
    out.print(JSON.stringify(report, null, 2));
    return report.usable;
  }
  const marks = { present: 'ok', missing: 'MISSING', absent: '-' } as const;
  for (const { name, state, detail } of report.checks)
    out.print(`${marks[state].padEnd(8)}${name.padEnd(17)}${detail}`);
  out.print(
    report.usable ? `This host can run the ${backend} backend.` : `This host cannot run the ${backend} backend.`,
  );
  return report.usable;
}
