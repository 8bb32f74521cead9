import { cpus, loadavg } from 'node:os';
import type { TestServer } from '../test/support/server.ts';
import { agentTimes } from './agent.ts';
import { type Bare, openBare } from './bare.ts';
import { type Counted, noSample, sample, startCounted, warmUp } from './cost.ts';
import { cellsOfNewSessions, secondCellOf } from './first-cells.ts';
import { helloIn } from './languages.ts';
import { exec, latencyOf } from './latency.ts';
import { densityOf } from './native.ts';
import { type Program, programs } from './programs.ts';
import { restOf } from './rest.ts';
import { cellFigures } from './sessions.ts';
import { median, percentile, table } from './statistics.ts';
import { rate } from './throughput.ts';
import { toolRounds } from './tools.ts';

/** What is measured: ours, what it is beside, the ratio where one is the aim, the aim, and what is compared with it. */
interface Figure {
  readonly what: string;
  readonly ours: number;
  readonly beside?: number;
  readonly aim: string;
  /** Of ours, or of the ratio. */
  readonly most?: number;
  readonly least?: number;
}

const typescript = { lang: 'ts', code: 'const answer: number = 42;\nconsole.log(answer)' };

/**
 * Every figure that Dragoman aims at, in one run of a few minutes, the bare programs of the same image in turns with ours. Processor time and
 * page faults are those of the service and its sandboxes alone; what the measuring client takes is printed beside.
 */
export async function goals(directory: string, imageRoot: string): Promise<void> {
  const [load] = loadavg();
  const counted = await startCounted(directory, 0);
  const bares = Array.from({ length: cpus().length }, () => openBare(imageRoot));
  const { server } = counted;
  const figures: Figure[] = [];
  const parts = {
    // First, as programs would change it.
    'at rest': () => atRest(server),
    cost: () => costs(counted, bares[0]!),
    'runs a second': () => rates(server, bares),
    latency: () => latencies(server, bares[0]!),
    'live sessions': () => density(server),
    'rounds and cells': () => cells(server, directory),
  };
  try {
    for (const [name, measure] of Object.entries(parts)) {
      console.error(`${name} …`);
      figures.push(...(await measure()));
    }
  } finally {
    for (const bare of bares) bare.close();
    await counted.stop();
    print(figures);
  }
  console.log(`Load before it began: ${load!.toFixed(1)} on ${cpus().length} cores`);
}

function print(figures: readonly Figure[]): void {
  console.log('Every aim');
  table(
    ['what', 'ours', 'beside', 'ratio', 'aim', 'met'],
    figures.map(({ what, ours, beside, aim, most, least }) => {
      const compared = beside === undefined ? ours : ours / beside;
      const isAimed = most !== undefined || least !== undefined;
      const isMet = compared <= (most ?? Number.POSITIVE_INFINITY) && compared >= (least ?? 0);
      return [
        what,
        ours,
        beside ?? '',
        beside === undefined ? '' : compared,
        aim,
        isAimed ? (isMet ? 'yes' : 'no') : '',
      ];
    }),
  );
}

async function atRest(server: TestServer): Promise<Figure[]> {
  const { allMiB, cpuMsPerSecond } = await restOf(server);
  return [
    { what: 'memory at rest, PSS of all processes, MiB', ours: allMiB, aim: '<= 250', most: 250 },
    { what: 'processor at rest, ms/s', ours: cpuMsPerSecond, aim: '<= 2', most: 2 },
  ];
}

/** Processor time and page faults of a run. */
async function costs(counted: Counted, bare: Bare): Promise<Figure[]> {
  const figures: Figure[] = [];
  await warmUp(counted.server);
  for (const [name, turns, most, part] of [
    ['python print', 7, 5.5, true],
    ['python pandas', 5, 28, false],
    ['python figure', 3, undefined, false],
    ['node print', 3, undefined, false],
  ] as const) {
    const { lang, code, bare: argv } = program(name);
    const seen = noSample();
    const bareCost: number[] = [];
    for (let run = 0; run < 5; run++) await exec(counted.server, lang, code);
    const client = process.cpuUsage();
    for (let turn = 0; turn < turns; turn++) {
      await sample(counted, seen, lang, code);
      bareCost.push(await bare.cost(argv));
    }
    const [service, guests] = [median(seen.service), median(seen.guests)];
    figures.push({
      what: `${name}: processor, ms a run`,
      ours: service + guests,
      aim: most === undefined ? '' : `<= ${most}`,
      ...(most !== undefined && { most }),
    });
    if (part) {
      figures.push({ what: '  the service’s part of it', ours: service, aim: '' });
      figures.push({ what: '  zygote and sandbox', ours: guests, aim: '' });
      figures.push({
        what: '  the measuring client, besides',
        ours: usedSince(client) / seen.latencies.length,
        aim: '',
      });
      figures.push({
        what: '  page faults of zygote and sandbox',
        ours: median(seen.faults),
        aim: '<= 250',
        most: 250,
      });
    }
    figures.push({ what: `  the bare command`, ours: median(bareCost), aim: '' });
  }
  return figures;
}

/** Runs a second beside bare starts a second, and how even the latencies are when many ask at once. */
async function rates(server: TestServer, bares: readonly Bare[]): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [what, { lang, code, bare: argv }, turns] of [
    ['python print', program('python print'), 4],
    ['node print', program('node print'), 2],
    ['typescript print', { ...program('node print'), ...typescript }, 2],
  ] as const) {
    const [ours, theirs]: [number[], number[]] = [[], []];
    for (let turn = 0; turn < turns; turn++) {
      theirs.push(await rate(bares.map((bare) => () => bare.run(argv))));
      ours.push(await rate(Array.from({ length: 4 }, () => () => exec(server, lang, code))));
    }
    const isPython = lang === 'py';
    figures.push({
      what: `${what}: runs a second, 4 clients`,
      ours: median(ours),
      beside: median(theirs),
      aim: isPython ? '>= 3 x' : '',
      ...(isPython && { least: 3 }),
    });
    if (!isPython) figures.push({ what: `  the same, as a rate`, ours: median(ours), aim: '>= 80', least: 80 });
  }
  const times: number[] = [];
  const { lang, code } = program('python print');
  await rate(
    Array.from({ length: 8 }, () => async () => {
      const started = performance.now();
      await exec(server, lang, code);
      times.push(performance.now() - started);
    }),
  );
  figures.push({
    what: 'print, 8 clients: p99 beside p50, ms',
    ours: percentile(times, 0.99),
    beside: median(times),
    aim: '<= 3 x',
    most: 3,
  });
  return figures;
}

async function latencies(server: TestServer, bare: Bare): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [name, most] of [
    ['python print', 0.15],
    ['node print', 0.3],
    ['bash echo', 1.5],
  ] as const) {
    const { ours, theirs } = await latencyOf(server, bare, program(name));
    figures.push({
      what: `${name}: latency, ms`,
      ours: median(ours),
      beside: median(theirs),
      aim: `<= ${most} x`,
      most,
    });
  }
  for (const language of ['c', 'rs', 'go']) {
    const { first, again, built, ran } = await helloIn(server, bare, language);
    figures.push({ what: `${language}, cached: latency, ms`, ours: again, beside: ran, aim: '<= 1.5 x', most: 1.5 });
    const aim = language === 'c' ? { aim: '<= 1.1 x', most: 1.1 } : { aim: '' };
    figures.push({ what: `${language}: first compile and run, ms`, ours: first, beside: built + ran, ...aim });
  }
  return figures;
}

async function density(server: TestServer): Promise<Figure[]> {
  const { count, all } = await densityOf(server);
  return [{ what: '1000 live pandas sessions, GiB', ours: ((all / count) * 1000) / 2 ** 30, aim: '<= 7.5', most: 7.5 }];
}

async function cells(server: TestServer, directory: string): Promise<Figure[]> {
  const rounds = await toolRounds(server);
  const first = await cellsOfNewSessions([server]);
  const { p50, p95 } = await secondCellOf(server);
  const { gaps } = await agentTimes(directory);
  const [cell] = await cellFigures();
  return [
    ...first.map(({ name, times: [times] }) => ({
      what: `first cell of a new session, ${name}, ms`,
      ours: median(times!.first),
      aim: 'half: bench sessions',
    })),
    {
      what: 'second cell of a session beside other load: p95 beside p50, ms',
      ours: p95,
      beside: p50,
      aim: '<= 4 x',
      most: 4,
    },
    { what: 'tool round, ms', ours: median(rounds), aim: '<= 3', most: 3 },
    { what: 'agent round, ms', ours: median(gaps), aim: '<= 7', most: 7 },
    { what: 'next cell of a session, over its own time, ms', ours: cell!.over, aim: '<= 1', most: 1 },
  ];
}

function program(name: string): Program {
  return programs.find((each) => each.name === name)!;
}

function usedSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
