import { onTestFinished } from 'vitest';
import type { Limits, MimeBundle } from '../../src/core/index.ts';
import type { TestCell, TestEngine, TestSession } from './engine.ts';

/** A live session that is closed with its test. A test that runs beside others passes its own `onTestFinished`. */
export async function openFor(
  engine: TestEngine,
  limits: Partial<Limits> = {},
  atEnd: (close: () => Promise<void>) => void = onTestFinished,
): Promise<TestSession> {
  const session = await engine.openSession(limits);
  atEnd(() => session.close());
  return session;
}

/** What a cell showed by itself, in order. */
export function displays(cell: TestCell): readonly MimeBundle[] {
  return cell.outputs.filter(({ kind }) => kind === 'display').map(({ bundle }) => bundle);
}

/** The value of a cell's last expression in all its forms. */
export function result(cell: TestCell): MimeBundle | undefined {
  return cell.outputs.findLast(({ kind }) => kind === 'result')?.bundle;
}

/** The first bytes of a form in base64, as text. */
export function head(form: unknown): string {
  return Buffer.from(String(form), 'base64').toString('latin1', 0, 8);
}
