import { isForPeople } from '../../../assistant/index.ts';
import { type MimeBundle, type Outcome, stderrApart } from '../../../core/index.ts';
import type { Execution } from '../../../service/index.ts';
import { containerFileObject } from '../containers/files.ts';
import type { CodeCall } from './wire.ts';

/** Short names of types, as in E2B's interpreter. Other types keep their MIME type. */
const shortNames: Readonly<Record<string, string>> = {
  'text/plain': 'text',
  'text/html': 'html',
  'text/markdown': 'markdown',
  'text/latex': 'latex',
  'image/png': 'png',
  'image/jpeg': 'jpeg',
  'image/svg+xml': 'svg',
  'application/pdf': 'pdf',
  'application/json': 'json',
  'application/javascript': 'javascript',
};

const endings: Partial<Record<Outcome, { name: string; value: string }>> = {
  timed_out: { name: 'TimeoutError', value: 'The time limit was reached.' },
  out_of_memory: { name: 'MemoryError', value: 'The memory limit was reached.' },
  output_limit: { name: 'OutputLimitError', value: 'Too much was printed.' },
  killed: { name: 'KilledError', value: 'The program was killed.' },
  cancelled: { name: 'CancelledError', value: 'The execution was cancelled.' },
  worker_lost: { name: 'WorkerLostError', value: 'The machine that ran the code was lost. It may have run in part.' },
};

/** The result of code as `{stdout, stderr, results, error}`. */
export function codeResults({ result }: Execution): Pick<CodeCall, 'stdout' | 'stderr' | 'results' | 'error'> {
  const { stdout, outputs, error, outcome, exitCode, signal } = result;
  const ending = endings[outcome] ?? endedBy(exitCode, signal);
  return {
    stdout: stdout.text,
    stderr: stderrApart(result),
    results: outputs.map(({ bundle }) => byShortName(bundle)),
    error: error
      ? { name: error.name, value: error.value, traceback: error.traceback.join('\n') }
      : ending
        ? { ...ending, traceback: '' }
        : null,
  };
}

function endedBy(exitCode: number | null, signal: string | null): { name: string; value: string } | undefined {
  if (signal !== null) return { name: 'KilledError', value: `The program was ended by ${signal}.` };
  return exitCode ? { name: 'SystemExit', value: String(exitCode) } : undefined;
}

/** Files of interest to people that the code made or changed, as the container lists them. */
export function filesOf({ files }: Execution): CodeCall['files'] {
  return files.flatMap((entry) => {
    if (entry.change === 'inherited' || !isForPeople(entry.file.name)) return [];
    const { id, path, bytes } = containerFileObject(entry.file);
    return [{ id, path, bytes }];
  });
}

function byShortName(bundle: MimeBundle): Record<string, unknown> {
  return Object.fromEntries(Object.entries(bundle).map(([type, value]) => [shortNames[type] ?? type, value]));
}
