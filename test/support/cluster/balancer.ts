import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An address in front of several gateways: requests go to them in turn, as by a load balancer that knows nothing of its clients. */
export interface Balancer {
  readonly url: string;
  /** Requests that each gateway has got. */
  readonly counts: readonly number[];
  close(): Promise<void>;
}

/** @param gateways those that live now, asked for each request */
export async function startBalancer(gateways: () => readonly { readonly url: string }[]): Promise<Balancer> {
  const counts: number[] = [];
  let next = 0;
  const server = createServer((incoming, outgoing) => {
    const all = gateways();
    const chosen = next++ % all.length;
    counts[chosen] = (counts[chosen] ?? 0) + 1;
    const { hostname, port } = new URL(all[chosen]!.url);
    const { method, url: path, headers } = incoming;
    const forwarded = request({ hostname, port, method, path, headers, agent: false }, (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(outgoing);
      answer.once('error', () => outgoing.destroy());
    });
    forwarded.once('error', () => outgoing.destroy());
    outgoing.once('close', () => forwarded.destroy());
    incoming.pipe(forwarded);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    counts,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
