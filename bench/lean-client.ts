import { connect, type Socket } from 'node:net';

/** Connections that wait for a request, by port. */
const idle = new Map<string, Socket[]>();

/**
 * Posts JSON to a service on this machine over a connection that is used again. It understands what the service answers to one run, an
 * answer with its length, and nothing else: node:http takes as much processor time of its own for a request as half a run.
 * @throws Error when the connection ends or the answer is of another kind
 */
export async function post(url: string, key: string, body: string): Promise<{ status: number; text: string }> {
  const { port, host, pathname } = new URL(url);
  const free = (idle.get(port) ?? []).filter(({ closed }) => !closed);
  idle.set(port, free);
  const socket = free.pop() ?? (await opened(Number(port)));
  const head = `POST ${pathname} HTTP/1.1\r\nhost: ${host}\r\nx-api-key: ${key}\r\ncontent-type: application/json`;
  const answer = read(socket);
  socket.write(`${head}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  const result = await answer;
  idle.get(port)!.push(socket);
  return result;
}

function opened(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.once('connect', () => {
      socket.off('error', reject);
      // A connection that waits must not keep the process alive, nor end it when the service stops.
      socket.unref().on('error', () => {});
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

function read(socket: Socket): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    let seen: Buffer = Buffer.alloc(0);
    const finish = (settle: () => void) => {
      socket.off('data', onData).off('close', onClose).unref();
      settle();
    };
    const onClose = () => finish(() => reject(new Error('the connection ended before its answer')));
    const onData = (part: Buffer) => {
      seen = seen.length === 0 ? part : Buffer.concat([seen, part]);
      const end = seen.indexOf('\r\n\r\n');
      if (end < 0) return;
      const [, status, length] =
        /^HTTP\/1\.1 (\d+)[\s\S]*\r\ncontent-length: (\d+)/i.exec(seen.toString('latin1', 0, end)) ?? [];
      if (length === undefined) return finish(() => reject(new Error('an answer without its length')));
      if (seen.length < end + 4 + Number(length)) return;
      finish(() => resolve({ status: Number(status), text: seen.toString('utf8', end + 4) }));
    };
    socket.ref().on('data', onData).once('close', onClose);
  });
}
