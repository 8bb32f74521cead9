import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { DragomanError } from '../../core/index.ts';
import { addSocket, type JsonParser } from '../../http/index.ts';
import { Connection } from './connection.ts';
import type { Kernels } from './kernels.ts';
import type { Pace } from './pace.ts';
import { readMessage, v1Protocol } from './wire.ts';

const maxSessionId = 200;
/** Of one kernel: each is told of everything. */
const maxClients = 20;
const maxMessageBytes = 10 * 1024 * 1024;

interface ChannelParts {
  readonly kernels: Kernels;
  readonly parser: JsonParser;
  readonly pace: Pace;
  readonly prefix: string;
  readonly isHome: boolean;
}

/** The WebSockets of kernels, below `prefix`. */
export function addChannels(app: FastifyInstance, { kernels, parser, pace, prefix, isHome }: ChannelParts): void {
  const options = { protocols: [v1Protocol], bounds: { maxMessageBytes } };
  const url = `${prefix}/api/kernels/:id/channels`;
  addSocket(
    app,
    { url, rateClass: 'list', isUndescribed: true },
    async (request) => {
      const { principal } = request;
      const kernel = await kernels.find(principal, isHome, (request.params as { id: string }).id);
      if (kernel.connections >= maxClients)
        throw new DragomanError('rate_limited', { message: 'Too many clients use this kernel.', retryAfterSeconds: 5 });
      const sessionId = sessionIdOf(request);
      const userAgent = request.headers['user-agent'];
      return (socket) => {
        const isV1 = socket.protocol === v1Protocol;
        const admit = () => request.admit('exec');
        const connection = new Connection({ socket, sessionId, isV1, userAgent, admit });
        kernel.join(connection);
        return {
          async message(data, isText) {
            const waitMs = pace.take(principal.id);
            if (waitMs > 0) await sleep(waitMs);
            const message = await readMessage(data, isText, isV1, parser, principal.id);
            if (message) kernel.receive({ message, connection });
          },
          closed: () => kernel.leave(connection),
        };
      };
    },
    options,
  );
  // Clients that find no such socket ask for it again and again. It has nothing to say.
  addSocket(app, { url: `${prefix}/api/events/subscribe`, rateClass: 'list', isUndescribed: true }, () => () => ({
    message() {},
  }));
}

function sessionIdOf({ query }: FastifyRequest): string | undefined {
  const { session_id: id } = query as { session_id?: unknown };
  return typeof id === 'string' && id !== '' ? id.slice(0, maxSessionId) : undefined;
}
