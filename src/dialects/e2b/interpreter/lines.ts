import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { jsonPieces, within } from '../../../core/index.ts';
import type { RunningExecution } from '../../../service/index.ts';
import { follow } from '../../sandboxes/follow.ts';
import { wireError } from '../errors.ts';
import { resultOf } from './results.ts';

const keepAliveMs = 5000;
/** Bytes that may wait for a slow reader before the code's events have to wait. */
const maxWaitingBytes = 64 * 1024;

/** What code shows, one object a line. What was refused before it began has a status of its own; later everything is a line. */
export async function* linesOf(
  execution: RunningExecution,
  count: number,
  gone: AbortSignal,
  now: () => number,
): AsyncGenerator<object> {
  yield { type: 'number_of_executions', execution_count: count };
  try {
    for await (const shown of follow(execution, gone)) {
      if (shown.type === 'stdout' || shown.type === 'stderr')
        yield { type: shown.type, text: shown.text, timestamp: new Date(now()).toISOString() };
      else if (shown.type === 'show')
        yield { type: 'result', is_main_result: shown.isResult, ...resultOf(shown.bundle) };
      else if (shown.type === 'fault') {
        const { name, value, traceback } = shown.fault;
        yield { type: 'error', name, value, traceback: traceback.join('\n') };
      }
    }
  } catch (error) {
    if (gone.aborted) return;
    const { message } = wireError(error);
    yield { type: 'error', name: 'UnexpectedEndOfExecution', value: message, traceback: message };
  }
  yield { type: 'end_of_execution' };
}

/**
 * Answers with lines of JSON, each sent as it comes. They are ASCII: a client decodes each part of them by itself, so a character that
 * is cut in two would be lost. There are no empty lines, which clients cannot read.
 */
export function sendLines(reply: FastifyReply, lines: AsyncGenerator<object>): FastifyReply {
  reply
    .header('content-type', 'application/x-ndjson')
    .header('cache-control', 'no-cache')
    .header('x-accel-buffering', 'no');
  return reply.send(Readable.from(textOf(lines), { objectMode: false, highWaterMark: maxWaitingBytes }));
}

async function* textOf(lines: AsyncGenerator<object>): AsyncGenerator<string> {
  try {
    for (let next = lines.next(); ; ) {
      const result = await within(next, keepAliveMs);
      if (result === undefined) {
        yield '{"type":"keepalive"}\n';
        continue;
      }
      if (result.done) return;
      let text = '';
      for (const piece of jsonPieces(result.value)) {
        if (text !== '') yield text;
        text = piece.replaceAll(/[\u007f-\uffff]/g, escaped);
      }
      yield `${text}\n`;
      next = lines.next();
    }
  } finally {
    await lines.return(undefined);
  }
}

const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
