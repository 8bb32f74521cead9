import type { Config } from '../config/index.ts';
import { type Logger, noTraces, type Traces } from '../core/index.ts';
import { createLogger, createMetrics, createTraces, serveMetrics } from '../telemetry/index.ts';
import { Lifetime } from './lifetime.ts';

/** What every part of a process has in common. */
export interface Common {
  readonly logger: Logger;
  readonly metrics: ReturnType<typeof createMetrics>;
  readonly traces: Traces;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Memory that the machine, or this process's control group, has left. */
  readonly availableMemory: () => number;
  readonly lifetime: Lifetime;
}

/** Starts what a process of any role has. Traces are the last to be closed. */
export async function startCommon({ telemetry }: Config, role: string, version: string): Promise<Common> {
  const { tracesUrl: url, tracesHeaders: headers = {}, tracesShare: share, metricsListen } = telemetry;
  const lifetime = new Lifetime();
  const logger = createLogger(telemetry);
  const metrics = createMetrics();
  metrics.start();
  if (metricsListen) {
    const server = await serveMetrics(metrics, metricsListen);
    lifetime.add(() => server.close());
    logger.info({ url: server.url }, 'metrics are shown');
  }
  const traces = url === undefined ? undefined : await createTraces({ url, headers, share, role, version });
  if (traces) lifetime.add(() => traces.close());
  return {
    logger,
    metrics,
    traces: traces ?? noTraces,
    now: Date.now,
    availableMemory: () => process.availableMemory(),
    lifetime,
  };
}
