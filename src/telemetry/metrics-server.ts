import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { PrometheusMetrics } from './metrics.ts';

const answerMs = 5000;
const maxConnections = 16;

/** An open port that shows metrics, and nothing else. */
export interface MetricsServer {
  /** `http://host:port/metrics` */
  readonly url: string;
  close(): Promise<void>;
}

/** Shows the metrics of this process to whoever reaches the port. @throws Error when it cannot listen */
export async function serveMetrics(
  metrics: Pick<PrometheusMetrics, 'text' | 'contentType'>,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<MetricsServer> {
  const server = createServer({ requestTimeout: answerMs, headersTimeout: answerMs }, (request, reply) => {
    if (request.url !== '/metrics' || request.method !== 'GET') reply.writeHead(404).end();
    else
      metrics.text().then(
        (text) => reply.writeHead(200, { 'content-type': metrics.contentType }).end(text),
        () => reply.writeHead(500).end(),
      );
  });
  server.maxConnections = maxConnections;
  const listening = Promise.withResolvers<void>();
  server.once('error', listening.reject);
  server.listen(port, host, listening.resolve);
  await listening.promise;
  const shown = host.includes(':') ? `[${host}]` : host;
  return {
    url: `http://${shown}:${(server.address() as AddressInfo).port}/metrics`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
