import { AsyncLocalStorage } from 'node:async_hooks';
import type { Context, Span as OtelSpan, SpanContext, Tracer } from '@opentelemetry/api';
import { noSpan, type Span, type SpanFields, type Traces } from '../core/index.ts';

export interface TracesOptions {
  /** Of an OTLP collector over HTTP; `/v1/traces` is added. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** How many of the requests whose caller does not say whether to trace are traced: up to 1. */
  readonly share: number;
  /** What this process does, as operators see it. */
  readonly role: string;
  readonly version: string;
}

/** Traces that are sent to a collector. */
export interface SentTraces extends Traces {
  /** Sends what is left, for at most some seconds. */
  close(): Promise<void>;
}

/** Spans that wait to be sent. More are dropped: traces must not take the memory of what they watch. */
const maxWaiting = 4096;
const sendMs = 5_000;
const closeMs = 3_000;
const name = 'dragoman';

/** Traces by OpenTelemetry. Its packages are loaded here alone, and only when traces are switched on. */
export async function createTraces({ url, headers, share, role, version }: TracesOptions): Promise<SentTraces> {
  const [api, sdk, { resourceFromAttributes }, { OTLPTraceExporter }] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/exporter-trace-otlp-http'),
  ]);
  const exporter = new OTLPTraceExporter({ url: `${url}/v1/traces`, headers: { ...headers }, timeoutMillis: sendMs });
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes({ 'service.name': name, 'service.version': version, 'dragoman.role': role }),
    sampler: new sdk.ParentBasedSampler({ root: new sdk.TraceIdRatioBasedSampler(share) }),
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        exporter,
        maxQueueSize: maxWaiting,
        scheduledDelayMillis: 1000,
        exportTimeoutMillis: sendMs,
      }),
    ],
    spanLimits: { attributeValueLengthLimit: 256, attributeCountLimit: 32, eventCountLimit: 0, linkCountLimit: 0 },
  });
  const tracer = provider.getTracer(name, version);
  const { SpanKind, SpanStatusCode, ROOT_CONTEXT, trace } = api;
  const here = new AsyncLocalStorage<string>();

  const contextOf = (parent: string | undefined): Context | undefined => {
    const read = parent === undefined ? undefined : readTraceparent(parent);
    return read && trace.setSpanContext(ROOT_CONTEXT, { ...read, isRemote: true });
  };
  const below = (parent: string | undefined, spanName: string, fields: SpanFields = {}): Span => {
    const context = contextOf(parent);
    if (!context) return noSpan;
    return spanOf(tracer.startSpan(spanName, { kind: SpanKind.INTERNAL, attributes: { ...fields } }, context));
  };
  const spanOf = (span: ReturnType<Tracer['startSpan']>): Span => {
    const own = writeTraceparent(span.spanContext());
    return {
      trace: own,
      set: (fields) => void span.setAttributes({ ...fields }),
      end: (fault) => endSpan(span, fault),
      async step(spanName, work) {
        const step = below(own, spanName);
        try {
          const result = await work();
          step.end();
          return result;
        } catch (error) {
          step.end(faultOf(error));
          throw error;
        }
      },
    };
  };
  const endSpan = (span: OtelSpan, fault: string | undefined) => {
    if (fault !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: fault });
    span.end();
  };

  return {
    below,
    request: (spanName, parent) =>
      spanOf(tracer.startSpan(spanName, { kind: SpanKind.SERVER }, contextOf(parent) ?? ROOT_CONTEXT)),
    inside: (span, work) => (span.trace === undefined ? work() : here.run(span.trace, work)),
    current: () => here.getStore(),
    async close() {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, closeMs);
      await Promise.race([provider.shutdown().catch(() => {}), promise]);
      clearTimeout(timer);
    },
  };
}

/** Of an error only its code: its message may quote code. */
function faultOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : 'internal';
}

/** Reads a `traceparent` as W3C defines it; undefined for anything else. */
function readTraceparent(text: string): SpanContext | undefined {
  const match = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.{0,256})?$/.exec(text);
  if (!match) return undefined;
  const [, version, traceId, spanId, flags, rest] = match as unknown as [
    string,
    string,
    string,
    string,
    string,
    string?,
  ];
  // Later versions may add fields; the first one has none.
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1 };
}

function writeTraceparent({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${(traceFlags & 1).toString(16).padStart(2, '0')}`;
}
