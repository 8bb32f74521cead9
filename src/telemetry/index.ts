export { createLogger } from './log.ts';
export { createMetrics } from './metrics.ts';
export { createTraces } from './traces.ts';
