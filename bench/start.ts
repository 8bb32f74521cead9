import { startServer } from '../test/support/server.ts';
import { exec } from './latency.ts';
import { median, table } from './statistics.ts';

/** From the start of the server's process to its first answered run, the image being built. */
export async function start(): Promise<void> {
  const times: number[] = [];
  for (let round = 0; round < 5; round++) {
    const started = performance.now();
    const server = await startServer();
    await exec(server, 'py', 'print(42)');
    times.push(performance.now() - started);
    await server.stop();
  }
  console.log('Start to first served run, milliseconds');
  table(['start', 'p50', 'promised'], [['process to answer', median(times), '<= 2000']]);
}
