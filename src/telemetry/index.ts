export { createLogger } from './log.ts';
export { createMetrics } from './metrics.ts';
