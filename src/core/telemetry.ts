import type { Tier } from './tiers.ts';

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
  execution(fields: { language: string; isolation: Tier; outcome: string; wallMs: number; totalMs: number }): void;
  /** One answered request. `route` is the pattern, never the address. */
  request(fields: { method: string; route: string; status: number; ms: number }): void;
  /** Reads a number whenever the metrics are collected. */
  gauge(name: string, help: string, read: () => number | ReadonlyMap<string, number>, label?: string): void;
  /** Reads a number that only grows whenever the metrics are collected. */
  total(name: string, help: string, read: () => number): void;
  /** Adds to a counter. */
  count(name: string, help: string, by?: number): void;
}

/** What a span says besides its name and its times: never code, data, names of files or credentials. */
export type SpanFields = Readonly<Record<string, string | number | boolean>>;

/** One step of a trace. */
export interface Span {
  /** W3C `traceparent` for the steps below it, here or in another process. Undefined: nothing is traced. */
  readonly trace: string | undefined;
  set(fields: SpanFields): void;
  /** Ends it; with a fault as one that failed. Only the first call counts. */
  end(fault?: string): void;
  /** Does `work` as a step below this one. */
  step<T>(name: string, work: () => Promise<T>): Promise<T>;
}

/** Traces of requests, for operators. */
export interface Traces {
  /** Begins the span of a request. `parent`: the caller's `traceparent`, not yet checked. */
  request(name: string, parent: string | undefined): Span;
  /** Begins a span below `parent`; without a parent there is none. */
  below(parent: string | undefined, name: string, fields?: SpanFields): Span;
  /** Calls `work`, in which, and in all that it begins, `current` is this span. */
  inside(span: Span, work: () => void): void;
  /** The span of the request that is answered now. */
  current(): string | undefined;
}

/** Nothing is traced. */
export const noSpan: Span = { trace: undefined, set() {}, end() {}, step: (_name, work) => work() };

/** Nothing is traced. */
export const noTraces: Traces = {
  request: () => noSpan,
  below: () => noSpan,
  inside: (_span, work) => work(),
  current: () => undefined,
};
