import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The least a process between a client and a model can do: hands bytes on as they come. Prints its port. */
const upstream = process.argv[2]!;
const server = createServer((asked, answer) => {
  const onwards = request(`${upstream}${asked.url}`, { method: asked.method, headers: asked.headers }, (reply) => {
    answer.writeHead(reply.statusCode!, reply.headers);
    reply.pipe(answer);
  });
  asked.pipe(onwards);
});
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
