import { type Command, Option } from 'commander';
import { atService, type ClientContext, type CommonOptions, type Work, withServiceOptions } from './command.ts';
import { CommandError } from './command-error.ts';
import { wholeNumber } from './option-values.ts';
import { table } from './terminal.ts';

interface BenchOptions extends CommonOptions {
  readonly runs: number;
  readonly clients: number;
}

interface Figures {
  readonly name: string;
  readonly runs: number;
  readonly p50_ms: number;
  readonly p95_ms: number;
  readonly p99_ms: number;
  readonly runs_per_second: number;
}

/** Adds `bench`: how fast a service answers, seen from here. */
export function addBenchCommand(program: Command, context: ClientContext): void {
  withServiceOptions(program.command('bench'))
    .description('measure how fast the service answers, as a client sees it')
    .addOption(new Option('-n, --runs <count>', 'how often each').argParser(wholeNumber).default(100))
    .addOption(new Option('-c, --clients <count>', 'how many at once').argParser(wholeNumber).default(1))
    .action((options: BenchOptions) => atService(context, options, (work) => bench(work, options)));
}

async function bench(work: Work, { runs, clients, json }: BenchOptions): Promise<void> {
  const { dragoman, terminal, signal } = work;
  const session = await dragoman.sessions.create({ name: 'dragoman bench' }, { signal });
  const programs: Record<string, () => Promise<{ exit_code: number | null }>> = {
    'python print': () => dragoman.run({ language: 'python', code: 'print(42)', stdin: '' }, { signal }),
    'python pandas': () =>
      dragoman.run(
        { language: 'python', code: 'import pandas as pd; print(pd.Series([1, 2]).sum())', stdin: '' },
        { signal },
      ),
    'bash echo': () => dragoman.run({ language: 'bash', code: 'echo 42', stdin: '' }, { signal }),
    'next cell of a session': () => session.run({ language: 'python', code: '6 * 7' }, { signal }),
  };
  try {
    const figures: Figures[] = [];
    for (const [name, run] of Object.entries(programs)) {
      const { exit_code: code } = await run();
      if (code !== 0) throw new CommandError(`"${name}" ended with ${code}.`);
      figures.push(await measure(name, run, runs, clients, (done) => terminal.status(`${name}: ${done} of ${runs}`)));
    }
    if (json) return terminal.json({ clients, figures });
    const rows = figures.map(({ name, p50_ms, p95_ms, p99_ms, runs_per_second: rate }) => [
      name,
      ...[p50_ms, p95_ms, p99_ms, rate].map((figure) => figure.toFixed(1)),
    ]);
    const [head, ...lines] = table([['PROGRAM', 'P50 MS', 'P95 MS', 'P99 MS', 'RUNS/S'], ...rows]);
    terminal.line(terminal.styled('bold', head!));
    for (const line of lines) terminal.line(line);
  } finally {
    await session.delete({ timeoutMs: 5000 }).catch(() => {});
  }
}

async function measure(
  name: string,
  run: () => Promise<unknown>,
  runs: number,
  clients: number,
  tell: (done: number) => void,
): Promise<Figures> {
  const times: number[] = [];
  let begun = 0;
  const since = performance.now();
  const client = async () => {
    while (begun++ < runs) {
      const start = performance.now();
      await run();
      times.push(performance.now() - start);
      tell(times.length);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  const seconds = (performance.now() - since) / 1000;
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(share * times.length))]!;
  return { name, runs, p50_ms: at(0.5), p95_ms: at(0.95), p99_ms: at(0.99), runs_per_second: runs / seconds };
}
