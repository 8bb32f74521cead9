import { APICallError } from '@ai-sdk/provider';
import { waiter } from './deadline.ts';
import { type Fault, faultOf } from './faults.ts';
import { messagesRefusal, refusalBody } from './refusal.ts';
import { pauseBeforeAgain, type TurnRules } from './turn.ts';
import type { Relayed, RelayRequest } from './upstreams.ts';

/** Where a request goes. */
export interface RelayTarget {
  readonly baseUrl: string;
  /** The provider's own name of the model. */
  readonly model: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The headers of a provider that a client needs: how to read the answer, and when to retry. */
const telling = /^(?:content-type|retry-after(?:-ms)?|x-should-retry|(?:x|anthropic)-ratelimit-[\w-]+)$/;

/** Most bytes of an error answer that are read. */
const mostRefusalBytes = 64 * 1024;

/** A provider's answer before it is read. */
interface Opened {
  readonly response: Response;
  readonly body: AsyncIterable<Uint8Array>;
}

/**
 * Passes a request on unchanged except for the name of the model, and passes the answer back while it comes. Retries while no part of
 * an answer has come. The last error is the answer, unless it is about the service's own key.
 * @throws DragomanError upstream_failed, forbidden, cancelled; holds no key
 */
export async function relay(
  target: RelayTarget,
  request: RelayRequest,
  rules: TurnRules,
  signal: AbortSignal,
): Promise<Relayed> {
  const endsAt = performance.now() + rules.totalMs;
  for (let attempt = 1; ; attempt++) {
    let fault: Fault;
    let refused: (Opened & { readonly text: string }) | undefined;
    try {
      const opened = await open(target, request, rules, endsAt, signal);
      if (opened.response.ok) return relayed(opened.response, opened.body);
      refused = { ...opened, text: await textOf(opened.body) };
      fault = faultOf(asFault(refused), rules.secrets, rules.ownKey);
    } catch (thrown) {
      fault = faultOf(thrown, rules.secrets, rules.ownKey);
      if (fault.error.code === 'cancelled') throw fault.error;
    }
    rules.failed(fault, attempt);
    if (await pauseBeforeAgain(fault, attempt, rules, endsAt, signal)) continue;
    if (!refused || isOfKey(fault.status)) throw fault.error;
    const { response, text } = refused;
    const refusal = refusalBody(text, response.status, rules.secrets);
    const body = JSON.stringify(
      request.path.startsWith('messages') ? messagesRefusal(refusal, response.status) : refusal,
    );
    const { headers } = relayed(response, refused.body);
    return {
      status: response.status,
      headers: { ...headers, 'content-type': 'application/json; charset=utf-8' },
      body: once(Buffer.from(body)),
    };
  }
}

async function open(
  { baseUrl, model, headers }: RelayTarget,
  { path, body }: RelayRequest,
  rules: TurnRules,
  endsAt: number,
  signal: AbortSignal,
): Promise<Opened> {
  const connection = new AbortController();
  const wait = waiter(rules.totalMs, endsAt, signal);
  const noStart = `The model did not begin to answer within ${rules.firstTokenMs / 1000} s.`;
  // An answer that is not streamed begins when it is complete.
  const firstMs = body.stream === true ? rules.firstTokenMs : rules.totalMs;
  const firstBy = performance.now() + firstMs;
  const asked = fetch(`${baseUrl}/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ ...body, model }),
    signal: AbortSignal.any([signal, connection.signal]),
  });
  try {
    const response = await wait(asked, firstMs, noStart);
    return { response, body: bytes(response) };
  } catch (error) {
    connection.abort();
    throw error;
  }

  async function* bytes(response: Response): AsyncGenerator<Uint8Array> {
    let complete = false;
    let begun = false;
    try {
      const reader = response.body?.getReader();
      while (reader) {
        const silent = `The model fell silent for ${rules.stallMs / 1000} s in the middle of its answer.`;
        const ms = begun ? rules.stallMs : firstBy - performance.now();
        const { done, value } = await wait(reader.read(), ms, begun ? silent : noStart);
        if (done) break;
        begun = true;
        yield value;
      }
      complete = true;
    } catch (thrown) {
      throw faultOf(thrown, rules.secrets, rules.ownKey).error;
    } finally {
      if (!complete) connection.abort();
    }
  }
}

function relayed({ status, headers }: Response, body: AsyncIterable<Uint8Array>): Relayed {
  return { status, headers: Object.fromEntries([...headers].filter(([name]) => telling.test(name))), body };
}

/** As the SDK would have thrown it. */
function asFault({ response, text }: { readonly response: Response; readonly text: string }): APICallError {
  const { error } = refusalBody(text, response.status, []);
  return new APICallError({
    message: error.message,
    url: '',
    requestBodyValues: {},
    statusCode: response.status,
    responseHeaders: Object.fromEntries(response.headers),
  });
}

/** Messages of a provider about keys are not repeated. */
function isOfKey(status: number | undefined): boolean {
  return status === 401 || status === 402 || status === 403;
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let left = mostRefusalBytes;
  for await (const chunk of body) {
    chunks.push(chunk.subarray(0, left));
    left -= chunk.length;
    if (left <= 0) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
