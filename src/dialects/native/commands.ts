import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { abortOnDisconnect, addRoute, type Frame, sendEvents } from '../../http/index.ts';
import type { CommandInfo, Commands, NumberedCommandEvent } from '../../service/index.ts';
import { commandAnswer, toCommand } from './command-wire.ts';
import { commandRoutes as routes } from './contract/commands.ts';
import { lastEventNumber, wantsEvents } from './preferences.ts';
import type { NativeServices } from './services.ts';

/** Commands of a session. */
export function addCommandRoutes(app: FastifyInstance, { commands }: Pick<NativeServices, 'commands'>): void {
  addRoute(app, routes.start, async ({ params: { session_id: id }, body }, request, reply) => {
    const info = await commands.start(request.principal, id, toCommand(body));
    reply.code(201).header('location', `/v1/sessions/${id}/commands/${info.id}`);
    if (wantsEvents(request)) return follow(commands, info, request, reply, 0);
    return commandAnswer(info);
  });
  addRoute(app, routes.list, async ({ params }, { principal }) => ({
    data: (await commands.list(principal, params.session_id)).map(commandAnswer),
  }));
  addRoute(app, routes.read, async ({ params: { session_id: id, command_id } }, request, reply) => {
    const info = await commands.get(request.principal, id, keyOf(command_id));
    if (wantsEvents(request)) return follow(commands, info, request, reply, lastEventNumber(request));
    return commandAnswer(info);
  });
  addRoute(app, routes.signal, async ({ params: { session_id: id, command_id }, body }, { principal }) => ({
    signalled: await commands.signal(principal, id, keyOf(command_id), body.signal),
  }));
  addRoute(app, routes.resize, async ({ params: { session_id: id, command_id }, body }, { principal }, reply) => {
    await commands.resize(principal, id, keyOf(command_id), body);
    return reply.code(204).send();
  });
  addRoute(app, routes.delete, async ({ params: { session_id: id, command_id } }, { principal }, reply) => {
    await commands.delete(principal, id, keyOf(command_id));
    return reply.code(204).send();
  });
  app.register(async (scope) => {
    // Bodies of any type are bytes here.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: maxInputBytes }, (_request, body, done) =>
      done(null, body),
    );
    addRoute(scope, routes.write, async ({ params, query, body }, { principal }, reply) => {
      const { session_id: id, command_id } = params;
      const bytes = body as unknown as Buffer | undefined;
      if (bytes?.length) await commands.write(principal, id, keyOf(command_id), bytes);
      if (query.close === 'true') await commands.closeInput(principal, id, keyOf(command_id));
      return reply.code(204).send();
    });
  });
}

const maxInputBytes = 1024 * 1024;

/** Ids have 21 characters; a short number is a pid. */
function keyOf(text: string): string | number {
  return /^\d{1,10}$/.test(text) ? Number(text) : text;
}

function follow(
  commands: Commands,
  info: CommandInfo,
  request: FastifyRequest,
  reply: FastifyReply,
  after: number,
): FastifyReply {
  const gone = abortOnDisconnect(reply);
  const events = commands.events(request.principal, info.sessionId, info.id, after, gone);
  return sendEvents(reply, framesOf(info, events));
}

async function* framesOf(info: CommandInfo, events: AsyncIterable<NumberedCommandEvent>): AsyncGenerator<Frame> {
  yield { event: 'start', data: commandAnswer(info) };
  for await (const each of events) yield frameOf(each);
}

function frameOf({ number, event }: NumberedCommandEvent): Frame {
  const id = String(number);
  switch (event.type) {
    case 'output': {
      const { buffer, byteOffset, byteLength } = event.data;
      const bytes = Buffer.from(buffer, byteOffset, byteLength);
      const data = isUtf8(bytes) ? { text: bytes.toString() } : { base64: bytes.toString('base64') };
      return { event: event.stream, id, data };
    }
    case 'dropped':
      return { event: 'gap', id, data: { bytes: event.bytes } };
    case 'ended': {
      const { reason, code, signal } = event.end;
      return { event: 'ended', id, data: { reason, exit_code: code, signal } };
    }
    case 'files':
      return { event: 'files', id, data: { changed: event.changed, deleted: event.deleted } };
  }
}
