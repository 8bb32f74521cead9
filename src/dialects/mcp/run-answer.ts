import { headAndTail, modelViewOf } from '../../agent/index.ts';
import { type MimeBundle, planOf, restoredText, type StoredFile } from '../../core/index.ts';
import type { Execution, RunningExecution } from '../../service/index.ts';
import type { Caller } from './call.ts';
import { type Block, downloadNotes, linksTo, sessionNote, type ToolAnswer, textBlock } from './content.ts';
import type { McpServices } from './services.ts';
import { fileUri } from './uris.ts';

/** Of one picture and of all pictures of an answer, as base64. */
const pictureEach = Math.ceil((1024 * 1024 * 4) / 3);
const pictureCharacters = 4 * pictureEach;
/** Of each stream in the part for programs. */
const streamCharacters = 64 * 1024;

type AnswerServices = Pick<McpServices, 'sessions' | 'plans' | 'runnerInfo' | 'mcp'>;

/** What a call answers about a run that is over: text, then figures, then links to its files. */
export async function finishedAnswer(
  { sessions, plans, runnerInfo, mcp }: AnswerServices,
  caller: Caller,
  execution: Execution,
  { wallMs, isNew }: { wallMs?: number | undefined; isNew: boolean },
): Promise<ToolAnswer> {
  const { principal } = caller;
  const { id, sessionId } = execution;
  const plan = planOf(plans, principal);
  const usualMs = await runnerInfo.usualWallMs(plan);
  const unshown: { name: string; mime: string; bundle: MimeBundle }[] = [];
  const view = modelViewOf(execution, {
    form: 'notebook',
    characters: mcp.shownChars,
    pictureCharacters,
    pictureEach,
    wallMs: Math.min(wallMs ?? usualMs, plan.maxWallMs),
    figureNote: ({ number, mime, bundle, isShown }) => {
      if (isShown) return 'attached';
      const name = `figure_${number}_${id.slice(0, 6)}.${endings[mime] ?? 'bin'}`;
      unshown.push({ name, mime, bundle });
      return `saved as ${name}`;
    },
  });
  const figures: StoredFile[] = [];
  const notes: string[] = [];
  for (const { name, mime, bundle } of unshown) {
    const content = pictureBytes(mime, bundle[mime]);
    try {
      const file = { name, contentType: mime, content, source: 'program' } as const;
      figures.push(await sessions.putFile(principal, sessionId, file));
    } catch {
      // What was computed is answered all the same.
      notes.push(`[${name} could not be saved.]`);
    }
  }
  const changed = execution.files.flatMap((reported) => (reported.change === 'inherited' ? [] : [reported]));
  const made = [...changed.map(({ file }) => file), ...figures];
  const images: Block[] = view.pictures.map(({ mime, data }) => ({
    type: 'image',
    data: /\s/.test(data.slice(-4)) || data.slice(0, 100).includes('\n') ? data.replace(/\s+/g, '') : data,
    mimeType: mime,
  }));
  return {
    content: [
      textBlock([view.text, ...notes, ...downloadNotes(made, caller), sessionNote(sessionId, isNew)].join('\n')),
      ...images,
      ...linksTo(made, caller),
    ],
    _meta: {
      'dragoman/run': detailsOf(execution, [
        ...changed,
        ...figures.map((file) => ({ change: 'created' as const, file })),
      ]),
    },
  };
}

/** What a call answers about a run that goes on. */
export function runningAnswer(
  { mcp }: Pick<McpServices, 'mcp'>,
  { id, sessionId, status }: RunningExecution,
  soFar: string,
  seconds: number,
): ToolAnswer {
  const state = status === 'queued' ? 'Waiting for its turn' : 'Still running';
  const lines = [
    ...(soFar === '' ? [] : [headAndTail(soFar.replace(/\n$/, ''), mcp.shownChars)]),
    `[${state} after ${seconds} s. Call check_run with run_id ${id} to wait for it, or with stop to end it.]`,
    sessionNote(sessionId),
  ];
  return {
    content: [textBlock(lines.join('\n'))],
    _meta: { 'dragoman/run': { session_id: sessionId, run_id: id, status: 'running' } },
  };
}

/** What a call answers about a run that was cancelled before it began. */
export function cancelledAnswer({ id, sessionId }: Pick<RunningExecution, 'id' | 'sessionId'>): ToolAnswer {
  return {
    content: [textBlock(`[The run was cancelled before it began.]\n${sessionNote(sessionId)}`)],
    _meta: { 'dragoman/run': { session_id: sessionId, run_id: id, status: 'done', outcome: 'cancelled' } },
  };
}

type Changed = { readonly change: 'created' | 'modified'; readonly file: StoredFile };

/** The result for programs. No host shows it to a model. */
function detailsOf({ id, sessionId, result, continuity, restored }: Execution, files: readonly Changed[]) {
  const { stdout, stderr, error, usage } = result;
  const cut = (text: string) => headAndTail(text, streamCharacters);
  return {
    session_id: sessionId,
    run_id: id,
    status: 'done',
    outcome: result.outcome,
    exit_code: result.exitCode,
    error: error && {
      name: error.name,
      value: cut(error.value),
      traceback: [cut(error.traceback.join('\n'))].flatMap((text) => text.split('\n')),
    },
    stdout: cut(stdout.text),
    stderr: cut(stderr.text),
    truncated:
      stdout.truncated || stderr.truncated || Math.max(stdout.text.length, stderr.text.length) > streamCharacters,
    state: continuity,
    ...(restored ? { restored: restoredText(restored) } : {}),
    files: files.map(({ change, file: { name, size, contentType } }) => ({
      path: name,
      uri: fileUri(sessionId, name),
      size,
      mime: contentType,
      change,
    })),
    usage: {
      cpu_ms: rounded(usage.cpuMs),
      wall_ms: rounded(usage.wallMs),
      peak_memory_bytes: usage.peakMemoryBytes,
    },
  };
}

const rounded = (ms: number) => Math.round(ms * 1000) / 1000;

const endings: Readonly<Record<string, string>> = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/svg+xml': 'svg',
  'image/gif': 'gif',
  'image/webp': 'webp',
};

/** A figure's bytes: SVG is text, the others are base64. */
async function* pictureBytes(mime: string, data: unknown): AsyncGenerator<Uint8Array> {
  yield Buffer.from(String(data), mime === 'image/svg+xml' ? 'utf8' : 'base64');
}
