import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { imageRoot } from '../test/support/image.ts';
import { startServer, type TestServer } from '../test/support/server.ts';
import { agent } from './agent.ts';
import { openBare } from './bare.ts';
import { checkpoints } from './checkpoints.ts';
import { cluster } from './cluster.ts';
import { commandTimes } from './commands.ts';
import { cost } from './cost.ts';
import { e2bCalls } from './e2b.ts';
import { newSessions } from './first-cells.ts';
import { goals } from './goals.ts';
import { jupyterCells } from './jupyter.ts';
import { lane } from './lane.ts';
import { languages } from './languages.ts';
import { latency } from './latency.ts';
import { mcpCalls } from './mcp.ts';
import { messages } from './messages.ts';
import { density, liveSessions } from './native.ts';
import { rest } from './rest.ts';
import { cellOverhead, firstCells, memory } from './sessions.ts';
import { start } from './start.ts';
import { state } from './state.ts';
import { throughput } from './throughput.ts';
import { tiers } from './tiers.ts';
import { toolCalls, toolLimits } from './tools.ts';

const here = fileURLToPath(new URL('..', import.meta.url));

const benches: Record<string, () => Promise<void>> = {
  latency: () =>
    withServer(async (server) => {
      const bare = openBare(await imageRoot());
      await latency(server, bare);
      bare.close();
    }),
  languages: () =>
    withServer(async (server) => {
      const bare = openBare(await imageRoot());
      await languages(server, bare);
      bare.close();
    }),
  throughput: () =>
    withServer(async (server) => {
      const root = await imageRoot();
      await throughput(server, () => openBare(root));
    }),
  cost: () => cost(here, process.env.BENCH_OTHER),
  rest: () => withServer(rest),
  goals: async () => goals(here, await imageRoot()),
  cells: cellOverhead,
  commands: commandTimes,
  jupyter: () => withServer(jupyterCells),
  first: firstCells,
  sessions: () => newSessions(here, process.env.BENCH_OTHER),
  memory,
  agent: () => agent(here, process.env.BENCH_OTHER),
  messages,
  live: () => withServer(liveSessions),
  density: () => withServer(density),
  tools: () => withServer((server) => toolCalls(server), toolLimits),
  mcp: () => withServer(mcpCalls),
  e2b: () => withServer(e2bCalls),
  start,
  state,
  checkpoints: () => withServer(checkpoints, { DRAGOMAN_ISOLATION: 'gvisor' }),
  cluster,
  lane,
  tiers,
};

async function withServer(measure: (server: TestServer) => Promise<void>, env = {}): Promise<void> {
  const server = await startServer({ env: { DRAGOMAN_RATE_LIMITS: 'off', ...env } });
  try {
    // The data template loads in the background.
    await new Promise((resolve) => setTimeout(resolve, 3000));
    await measure(server);
  } finally {
    await server.stop();
  }
}

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in benches));
if (unknown.length > 0 || asked.includes('--help')) {
  console.log(`usage: npm run bench [-- ${Object.keys(benches).join(' | ')}]`);
  process.exit(unknown.includes('--help') ? 0 : 2);
}
console.log(`${cpus().length} cores, ${cpus()[0]?.model}; medians of runs taken in turn; ratios are what counts\n`);
for (const name of asked.length > 0 ? asked : Object.keys(benches)) await benches[name]!();
