import type { CallOptions } from './deadline.ts';
import { ApiError } from './errors.ts';
import { readEvents } from './server-sent-events.ts';
import type { Transport } from './transport.ts';

export interface AskRequest {
  readonly prompt: string;
  /** Its code runs here and finds its files; absent: in a session of its own. */
  readonly sessionId?: string | undefined;
  /** Absent: the service's default model. */
  readonly model?: string | undefined;
  /** What the model is told before. */
  readonly instructions?: string | undefined;
  /** Goes on from an answer before: its `responseId`. */
  readonly previousResponseId?: string | undefined;
}

/** What happens while a model answers, in its order. */
export type AskEvent =
  /** A piece of the answer. */
  | { readonly type: 'text'; readonly text: string }
  /** A piece of code while the model writes it. */
  | { readonly type: 'code'; readonly text: string }
  /** The code is whole and runs now. */
  | { readonly type: 'running'; readonly sessionId: string }
  /** What the code printed. */
  | { readonly type: 'output'; readonly text: string }
  /** A file that the code made and the answer names. */
  | { readonly type: 'file'; readonly sessionId: string; readonly path: string }
  | { readonly type: 'done'; readonly responseId: string; readonly status: string };

/** A stream without even a comment for so long is dead. */
const silenceMs = 60_000;
const containerPrefix = 'cntr_';

/**
 * Asks through the Responses API and hands out what happens.
 * @throws ApiError also when the model fails in the middle
 */
export async function* ask(
  transport: Transport,
  request: AskRequest,
  options: CallOptions,
): AsyncGenerator<AskEvent, void> {
  const { prompt, sessionId, model, instructions, previousResponseId } = request;
  const container = sessionId === undefined ? { type: 'auto' } : `${containerPrefix}${sessionId}`;
  const { response, deadline } = await transport.open('POST', '/responses', {
    signal: options.signal,
    timeoutMs: options.timeoutMs ?? silenceMs,
    json: {
      input: prompt,
      stream: true,
      tools: [{ type: 'code_interpreter', container }],
      include: ['code_interpreter_call.outputs'],
      ...(model === undefined ? {} : { model }),
      ...(instructions === undefined ? {} : { instructions }),
      ...(previousResponseId === undefined ? {} : { previous_response_id: previousResponseId }),
    },
  });
  try {
    if (!response.body) return;
    const idle = () => deadline.restart(silenceMs);
    idle();
    const translation = new Translation();
    for await (const { data } of readEvents(response.body, idle)) yield* translation.of(JSON.parse(data));
  } catch (error) {
    throw deadline.signal.aborted ? deadline.signal.reason : error;
  } finally {
    deadline.abort();
  }
}

interface ResponseStreamEvent {
  readonly type: string;
  readonly delta?: string;
  readonly message?: string;
  readonly code?: string | null;
  readonly annotation?: { readonly type: string; readonly container_id: string; readonly filename: string };
  readonly item?: {
    readonly type: string;
    readonly container_id?: string;
    readonly outputs?: readonly { readonly type: string; readonly logs?: string }[] | null;
  };
  readonly response?: {
    readonly id: string;
    readonly status: string;
    readonly error?: { readonly code?: string; readonly message?: string } | null;
  };
}

class Translation {
  /** Where the code of the latest call runs. */
  #sessionId = '';

  *of(event: ResponseStreamEvent): Generator<AskEvent> {
    const { delta = '', item, response, annotation } = event;
    switch (event.type) {
      case 'response.output_text.delta':
        yield { type: 'text', text: delta };
        break;
      case 'response.output_item.added':
        if (item?.container_id) this.#sessionId = sessionOf(item.container_id);
        break;
      case 'response.code_interpreter_call_code.delta':
        yield { type: 'code', text: delta };
        break;
      case 'response.code_interpreter_call.interpreting':
        yield { type: 'running', sessionId: this.#sessionId };
        break;
      case 'response.output_item.done':
        for (const { logs } of item?.outputs ?? []) if (logs !== undefined) yield { type: 'output', text: logs };
        break;
      case 'response.output_text.annotation.added':
        if (annotation?.type === 'container_file_citation')
          yield { type: 'file', sessionId: sessionOf(annotation.container_id), path: annotation.filename };
        break;
      case 'response.completed':
      case 'response.incomplete':
        yield { type: 'done', responseId: response!.id, status: response!.status };
        break;
      case 'response.failed':
      case 'error': {
        const { code, message } = response?.error ?? { code: event.code ?? undefined, message: event.message };
        throw new ApiError({ status: 0, code: code ?? 'failed', message: message ?? 'The model failed' });
      }
    }
  }
}

const sessionOf = (container: string) => container.replace(containerPrefix, '');
