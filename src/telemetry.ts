export { createLogger, type LogOptions } from './telemetry/log.ts';
export { createMetrics, type PrometheusMetrics } from './telemetry/metrics.ts';
