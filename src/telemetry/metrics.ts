import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Metrics } from '../core/index.ts';

/** `Metrics` in a form that Prometheus reads. */
export interface PrometheusMetrics extends Metrics {
  /** Adds the metrics of the process itself: memory, cpu, event loop, garbage collection. */
  start(): void;
  /** Everything measured so far, in the text format of `contentType`. */
  text(): Promise<string>;
  readonly contentType: string;
}

const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** Creates a separate registry. `gauge` and `count` add the prefix `dragoman_`, and `count` the suffix `_total`, to names without them. */
export function createMetrics(): PrometheusMetrics {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Counter({
    name: 'dragoman_requests_total',
    help: 'Requests answered; status 499 when the client disconnected first.',
    labelNames: ['method', 'route', 'status'],
    registers,
  });
  const requestSeconds = new Histogram({
    name: 'dragoman_request_seconds',
    help: 'Time from the head of a request to the end of its response.',
    labelNames: ['method', 'route'],
    buckets: seconds,
    registers,
  });
  const executions = new Counter({
    name: 'dragoman_executions_total',
    help: 'Programs that ended.',
    labelNames: ['language', 'isolation', 'outcome'],
    registers,
  });
  const runSeconds = new Histogram({
    name: 'dragoman_execution_run_seconds',
    help: 'Wall clock of programs.',
    labelNames: ['language', 'isolation'],
    buckets: seconds,
    registers,
  });
  const overheadSeconds = new Histogram({
    name: 'dragoman_execution_overhead_seconds',
    help: 'Time of an execution beyond its program: waiting, staging files, keeping artifacts.',
    labelNames: ['language', 'isolation'],
    buckets: seconds,
    registers,
  });
  const counters = new Map<string, Counter>();

  return {
    contentType: registry.contentType,
    // Every measurement of the event loop's delay wakes the process: with the usual ten milliseconds that is most of what it does at rest.
    start: () => collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 500 }),
    text: () => registry.metrics(),
    request({ method, route, status, ms }) {
      requests.inc({ method, route, status });
      requestSeconds.observe({ method, route }, ms / 1000);
    },
    execution({ language, isolation, outcome, wallMs, totalMs }) {
      executions.inc({ language, isolation, outcome });
      runSeconds.observe({ language, isolation }, wallMs / 1000);
      overheadSeconds.observe({ language, isolation }, Math.max(0, totalMs - wallMs) / 1000);
    },
    gauge(name, help, read, label) {
      new Gauge({
        name: prefixed(name),
        help,
        labelNames: label === undefined ? [] : [label],
        registers,
        collect() {
          const values = read();
          if (typeof values === 'number') return this.set(values);
          this.reset();
          for (const [each, value] of values) this.set({ [label!]: each }, value);
        },
      });
    },
    total(name, help, read) {
      new Counter({
        name: total(name),
        help,
        registers,
        collect() {
          this.reset();
          this.inc(read());
        },
      });
    },
    count(name, help, by = 1) {
      let counter = counters.get(name);
      if (!counter) {
        counter = new Counter({ name: total(name), help, registers });
        counters.set(name, counter);
      }
      counter.inc(by);
    },
  };
}

const total = (name: string) => `${prefixed(name).replace(/_total$/, '')}_total`;
const prefixed = (name: string) => (name.startsWith('dragoman_') ? name : `dragoman_${name}`);
