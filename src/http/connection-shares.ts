import type { Server as HttpServer } from 'node:http';
import type { Socket } from 'node:net';

/** One network has no more than this part of all connections, so that another one always gets through. */
const mostOfOne = 0.75;

/**
 * Bounds open connections, each of which takes a descriptor of the process: beyond `max`, or where one network has three in four of
 * them, a new connection is closed. Connections without a request are closed by their timeout and make room.
 * @param networkOf what counts as one, of a remote address
 */
export function boundConnections(server: HttpServer, max: number, networkOf: (address: string) => string): void {
  const counts = new Map<string, number>();
  let total = 0;
  server.on('connection', (socket: Socket) => {
    const network = networkOf(socket.remoteAddress ?? '');
    const count = counts.get(network) ?? 0;
    if (total >= max || count >= Math.max(1, Math.floor(max * mostOfOne))) return void socket.destroy();
    counts.set(network, count + 1);
    total++;
    socket.once('close', () => {
      total--;
      const left = counts.get(network)! - 1;
      if (left > 0) counts.set(network, left);
      else counts.delete(network);
    });
  });
}
