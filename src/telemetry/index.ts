export { createLogger } from './log.ts';
export { createMetrics } from './metrics.ts';
export { serveMetrics } from './metrics-server.ts';
export { createTraces } from './traces.ts';
