import { DragomanError, isId, type MimeBundle, type Principal, type StoredFile } from '../../core/index.ts';
import type { Execution, ExecutionRequest } from '../../service/index.ts';
import type { ExecAnswer } from './answers.ts';
import type { LibreChatServices } from './services.ts';
import { namesOf, toAnswer, toRequest } from './translate.ts';
import type { ExecBody } from './wire.ts';

/** LibreChat's name for the machine of one conversation. */
const hintPattern = /^[A-Za-z0-9._:-]{1,128}$/;

/**
 * The session hint of a request. Only clients that want a lasting machine send one. With the profile `default` it is ignored.
 */
export function hintOf(body: Pick<ExecBody, 'runtime_session_hint'>, profile: string | undefined): string | undefined {
  const hint = body.runtime_session_hint;
  return typeof hint === 'string' && hintPattern.test(hint) && profile !== 'default' ? hint : undefined;
}

/**
 * Runs code to its end; it ends early when `signal` aborts.
 * @throws DragomanError as `Executions.start`; cancelled
 */
export async function runToEnd(
  executions: LibreChatServices['executions'],
  principal: Principal,
  request: ExecutionRequest,
  signal: AbortSignal,
): Promise<Execution> {
  const running = await executions.start(principal, request);
  const cancel = () => running.cancel();
  if (signal.aborted) cancel();
  signal.addEventListener('abort', cancel, { once: true });
  const execution = await running.done.finally(() => signal.removeEventListener('abort', cancel));
  if (execution.result.outcome === 'cancelled') throw new DragomanError('cancelled');
  return execution;
}

/**
 * Runs code in the session that a hint names. Its files carry the session's id, which is the `session_id` of every answer.
 * @throws DragomanError as `Executions.start`; cancelled when `signal` aborts
 */
export async function execInSession(
  services: SessionServices,
  principal: Principal,
  body: ExecBody,
  hint: string,
  signal: AbortSignal,
): Promise<ExecAnswer> {
  const { id } = await services.sessions.ensure(principal, `librechat:${hint}`, {});
  return execIn(services, principal, body, id, signal);
}

/**
 * Runs code in the session that an earlier answer names, where it still is one of the caller's; else in a new one, which the answer names.
 * @throws DragomanError as `Executions.start`; cancelled when `signal` aborts
 */
export async function execOnward(
  services: SessionServices,
  principal: Principal,
  body: ExecBody,
  signal: AbortSignal,
): Promise<ExecAnswer> {
  const id =
    (await knownSession(services, principal, body.session_id)) ?? (await services.sessions.create(principal, {})).id;
  return execIn(services, principal, body, id, signal);
}

type SessionServices = Pick<LibreChatServices, 'sessions' | 'executions'>;

async function knownSession(
  { sessions }: SessionServices,
  principal: Principal,
  id: unknown,
): Promise<string | undefined> {
  if (typeof id !== 'string' || !isId(id)) return undefined;
  try {
    return (await sessions.get(principal, id)).id;
  } catch (error) {
    // The files of a program have such an id, too; a session may have ended since.
    if (error instanceof DragomanError && ['not_found', 'session_expired'].includes(error.code)) return undefined;
    throw error;
  }
}

async function execIn(
  { sessions, executions }: SessionServices,
  principal: Principal,
  body: ExecBody,
  sessionId: string,
  signal: AbortSignal,
): Promise<ExecAnswer> {
  const execution = await runToEnd(executions, principal, { ...toRequest(body), sessionId }, signal);
  const figures = await keepFigures(sessions, principal, execution);
  const { stdout } = execution.result;
  const shown: Execution = {
    ...execution,
    result: { ...execution.result, stdout: { ...stdout, text: stdout.text + valuesOf(execution) } },
    files: [...figures.map((file) => ({ change: 'created', file }) as const), ...execution.files],
  };
  return {
    ...toAnswer(shown, namesOf(body.files)),
    runtime_session_id: sessionId,
    runtime_status: execution.continuity === 'continued' ? 'reused' : 'new',
  };
}

/** What a notebook would show below the cell: a model that gets two streams and files should see it too. */
function valuesOf({ result }: Execution): string {
  return result.outputs
    .map(({ bundle }) => bundle['text/plain'])
    .filter((text, index) => typeof text === 'string' && !imageOf(result.outputs[index]!.bundle))
    .map((text) => `${text}\n`)
    .join('');
}

const endings = { 'image/png': 'png', 'image/jpeg': 'jpg' } as const;

function imageOf(bundle: MimeBundle): { ending: string; data: string } | undefined {
  for (const [type, ending] of Object.entries(endings)) {
    const data = bundle[type];
    if (typeof data === 'string') return { ending, data };
  }
  return undefined;
}

/** Figures are shown, not saved; LibreChat knows files only. */
async function keepFigures(
  sessions: LibreChatServices['sessions'],
  principal: Principal,
  { sessionId, result }: Execution,
): Promise<StoredFile[]> {
  const images = result.outputs.flatMap(({ bundle }) => imageOf(bundle) ?? []);
  if (images.length === 0) return [];
  const taken = new Set((await sessions.files(principal, sessionId)).map(({ name }) => name));
  const kept: StoredFile[] = [];
  let number = 0;
  for (const { ending, data } of images) {
    let name: string;
    do name = `plot_${++number}.${ending}`;
    while (taken.has(name));
    const content = [Buffer.from(data, 'base64')];
    const file = { name, contentType: '', content: toAsync(content), source: 'program' } as const;
    kept.push(await sessions.putFile(principal, sessionId, file));
  }
  return kept;
}

async function* toAsync<T>(values: Iterable<T>): AsyncGenerator<T> {
  yield* values;
}
