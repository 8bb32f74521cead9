import { type Config, loadConfig } from '../../config/index.ts';
import type { Check } from './check.ts';
import { examineGatewaySide, examineWorkerSide } from './nats.ts';

const marks = { present: 'ok', missing: 'MISSING', absent: '-' } as const;

/**
 * Looks at what joins the machines, with the settings of the role that this process has: a gateway's servers, or a worker's rights. Prints
 * what it finds, and returns whether all of it is right.
 */
export async function examineCluster(version: string, json: boolean): Promise<boolean> {
  const config = loadConfig();
  const { role } = config.cluster;
  const checks = role === 'worker' ? await examineWorkerSide(config.cluster) : await examineGateway(config, version);
  const usable = checks.every(({ state }) => state !== 'missing');
  if (json) {
    console.log(JSON.stringify({ role, checks, usable }, null, 2));
    return usable;
  }
  const width = Math.max(...checks.map(({ name }) => name.length)) + 2;
  for (const { name, state, detail } of checks) console.log(`${marks[state].padEnd(8)}${name.padEnd(width)}${detail}`);
  console.log(
    usable ? `A ${role} can work with these servers.` : `A ${role} cannot work with these servers as they are.`,
  );
  return usable;
}

async function examineGateway(config: Config, version: string): Promise<readonly Check[]> {
  const { examineDatabase, examineFiles } = await import('./stores.ts');
  const looked = [examineGatewaySide(config.cluster, version), examineDatabase(config), examineFiles(config)];
  return (await Promise.all(looked)).flat();
}
