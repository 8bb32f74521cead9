import type { CellResult, ExecutionResult } from '../../src/core/index.ts';

/** A text as an output holds it, whole. */
export const said = (text: string) => ({ text, bytes: Buffer.byteLength(text), truncated: false });

/** What a program that printed nothing came to; tests change what they are about. */
function executionResult(changes: Partial<ExecutionResult> = {}): ExecutionResult {
  return {
    outcome: 'completed',
    exitCode: 0,
    signal: null,
    stdout: said(''),
    stderr: said(''),
    usage: { wallMs: 12.4, cpuMs: 8, peakMemoryBytes: 1000 },
    artifactsTruncated: false,
    stage: 'run',
    compileUsage: null,
    ...changes,
  };
}

/** The same of a cell, which left its interpreter alive. */
export function cellResult(changes: Partial<CellResult> = {}): CellResult {
  return {
    ...executionResult(),
    outputs: [],
    outputsTruncated: false,
    error: null,
    interpreter: 'kept',
    ...changes,
  };
}
