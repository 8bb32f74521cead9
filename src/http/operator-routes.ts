import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Interpreter } from '../service/index.ts';

/** Everything measured, for Prometheus. */
export interface MetricsPage {
  text(): Promise<string>;
  readonly contentType: string;
}

export interface OperatorRoutes {
  readonly interpreter: Interpreter;
  readonly metrics: MetricsPage;
  /** Passes when the caller may read the metrics; throws DragomanError otherwise. */
  readonly admit: (request: FastifyRequest) => Promise<void>;
}

const healthDeadlineMs = 5000;

/** `/health` for whoever runs the service, open to all; `/metrics` for those who are admitted. */
export function addOperatorRoutes(app: FastifyInstance, { interpreter, metrics, admit }: OperatorRoutes): void {
  for (const path of ['/health', '/v1/health'])
    app.get(path, async (_request, reply) => {
      const { ready, reason } = await health(interpreter);
      return reply
        .code(ready ? 200 : 503)
        .header('cache-control', 'no-store')
        .type('text/plain; charset=utf-8')
        .send(ready ? 'ok' : (reason ?? 'not ready'));
    });
  app.get('/metrics', { onRequest: admit }, async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.text()),
  );
}

async function health(interpreter: Interpreter): Promise<{ ready: boolean; reason?: string }> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<{ ready: boolean; reason: string }>((resolve) => {
    timer = setTimeout(resolve, healthDeadlineMs, { ready: false, reason: 'the health check takes too long' });
  });
  try {
    return await Promise.race([interpreter.health(), late]);
  } finally {
    clearTimeout(timer);
  }
}
