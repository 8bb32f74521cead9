import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { RunnerInfo } from '../service/index.ts';
import { type Operation, problems } from './operation.ts';

/** Everything measured, for Prometheus. */
export interface MetricsPage {
  text(): Promise<string>;
  readonly contentType: string;
}

export interface OperatorRoutes {
  readonly runnerInfo: Pick<RunnerInfo, 'health' | 'languages' | 'tiers'>;
  readonly metrics: MetricsPage;
  /** Counts a request that needs no credential; throws DragomanError when there are too many. */
  readonly limit: (request: FastifyRequest) => Promise<void>;
  /** Passes if the caller may read what belongs to operators; throws DragomanError otherwise. */
  readonly admit: (request: FastifyRequest) => Promise<void>;
}

const healthDeadlineMs = 5000;

/** `/health`, open to all; `/metrics` and `/languages` for callers that `admit` lets pass. */
export function addOperatorRoutes(app: FastifyInstance, { runnerInfo, metrics, limit, admit }: OperatorRoutes): void {
  app.get('/health', { onRequest: limit, config: { operation: healthOperation } }, async (_request, reply) => {
    const { ready, reason } = await health(runnerInfo);
    return reply
      .code(ready ? 200 : 503)
      .header('cache-control', 'no-store')
      .type('text/plain; charset=utf-8')
      .send(ready ? 'ok' : (reason ?? 'not ready'));
  });
  app.get('/languages', { onRequest: admit, config: { operation: languagesOperation } }, async () => ({
    languages: (await runnerInfo.languages()).map(({ keepsVariables, ...language }) => ({
      ...language,
      keeps_variables: keepsVariables,
    })),
    isolations: (await runnerInfo.tiers()).map(({ tier, fault }) => ({ name: tier, fault })),
  }));
  app.get('/metrics', { onRequest: admit, config: { operation: metricsOperation } }, async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.text()),
  );
}

const text = (description: string, example: string) => ({
  description,
  content: { type: 'text/plain', schema: z.string(), example },
});

const healthOperation: Operation = {
  id: 'health',
  summary: 'Tell whether programs can be run now',
  answers: { ...problems(429), 200: text('They can.', 'ok'), 503: text('They cannot; why not.', 'shutting down') },
  open: true,
};

const languageSchema = z
  .strictObject({
    name: z.string(),
    title: z.string(),
    aliases: z.array(z.string()).describe('What a request may call it instead, in any case.'),
    versions: z.record(z.string(), z.string()).describe('By what they are versions of.'),
    compile: z
      .array(z.string())
      .nullable()
      .describe('The command that makes a program of the source; null where the source itself is run.'),
    run: z.array(z.string()).describe('The command that runs it.'),
    check: z
      .strictObject({ argument: z.string(), command: z.array(z.string()) })
      .nullable()
      .describe(
        'The command that goes over a source first where its first argument asks for it; null where there is none.',
      ),
    keeps_variables: z
      .boolean()
      .describe('A live session keeps variables from cell to cell; otherwise its files alone.'),
  })
  .meta({ id: 'Language' });

const isolationSchema = z
  .strictObject({
    name: z.string().describe('As plans, requests and results say it.'),
    fault: z.string().nullable().describe('Why nothing can run behind it now; null: it can.'),
  })
  .meta({ id: 'Isolation' });

const languagesOperation: Operation = {
  id: 'listLanguages',
  summary: 'The languages of the image, their versions and commands',
  description: 'Needs an API key, except on a loopback address of this machine.',
  answers: {
    200: {
      description: 'By name.',
      content: {
        type: 'application/json',
        schema: z.strictObject({ languages: z.array(languageSchema), isolations: z.array(isolationSchema) }),
        example: {
          languages: [
            {
              name: 'bash',
              title: 'Bash',
              aliases: ['sh', 'shell'],
              versions: { bash: '5.2.37' },
              compile: null,
              run: ['bash', '{entry}', '{args}'],
              check: null,
              keeps_variables: false,
            },
          ],
          isolations: [{ name: 'namespaces', fault: null }],
        },
      },
    },
    ...problems(400, 401, 429, 500, 503),
  },
};

const metricsOperation: Operation = {
  id: 'metrics',
  summary: 'Everything measured, for Prometheus',
  description: 'Needs an API key, except on a loopback address of this machine.',
  answers: { 200: text('Prometheus text.', '# TYPE dragoman_up gauge'), ...problems(400, 401, 429, 500, 503) },
};

async function health(runnerInfo: OperatorRoutes['runnerInfo']): Promise<{ ready: boolean; reason?: string }> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<{ ready: boolean; reason: string }>((resolve) => {
    timer = setTimeout(resolve, healthDeadlineMs, { ready: false, reason: 'the health check takes too long' });
  });
  try {
    return await Promise.race([runnerInfo.health(), late]);
  } finally {
    clearTimeout(timer);
  }
}
