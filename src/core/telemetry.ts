/** Structured log. Fields must never hold bodies, code, credentials or file contents. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Measurements the rooms report; `telemetry.ts` gives them to Prometheus. */
export interface Metrics {
  /** One finished execution. */
  execution(fields: { language: string; outcome: string; wallMs: number; totalMs: number }): void;
  /** One answered request. `route` is the pattern, never the address. */
  request(fields: { method: string; route: string; status: number; ms: number }): void;
  /** Reads a number whenever the metrics are collected. */
  gauge(name: string, help: string, read: () => number): void;
  /** Adds to a counter. */
  count(name: string, help: string, by?: number): void;
}
