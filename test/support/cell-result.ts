import { type CellResult, type ExecutionResult, newId } from '../../src/core/index.ts';
import type { Execution } from '../../src/service/index.ts';

/** A text as an output holds it. */
export const said = (text: string, truncated = false) => ({ text, bytes: Buffer.byteLength(text), truncated });

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

/** A finished execution that printed nothing; tests change what they are about. */
export function finishedExecution(
  changes: Omit<Partial<Execution>, 'result'> & { result?: Partial<CellResult> } = {},
): Execution {
  const id = changes.id ?? newId();
  return {
    id,
    sessionId: id,
    language: 'python',
    tier: 'namespaces',
    continuity: 'fresh',
    startedAt: 0,
    files: [],
    deleted: [],
    lost: [],
    ...changes,
    result: cellResult(changes.result),
  };
}
