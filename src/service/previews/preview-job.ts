import { extname } from 'node:path';
import { DragomanError, type ErrorCode, newId, type Plans, type Principal, planOf } from '../../core/index.ts';
import { errorOf, type Job, type JobEnding, type Runner } from '../../runner/index.ts';
import type { CollectedFile, JobStorage } from '../executions/job-storage.ts';
import { ownerOf } from '../executions/owner.ts';
import { requireTier, tierFor } from '../tiers.ts';
import type { UsageMeter } from '../usage/usage.ts';
import { readPreview, readRefusal } from './claims.ts';
import { type PreviewedFile, type PreviewRefusal, type PreviewRequest, previewRefusals } from './previews.ts';

interface PreviewLimits {
  readonly maxBytes: number;
  readonly maxFileBytes: number;
  readonly wallMs: number;
  readonly memoryBytes: number;
}

export interface PreviewJobParts {
  readonly runner: Runner;
  readonly jobFiles: JobStorage;
  readonly plans: Plans;
  readonly usage: UsageMeter;
  readonly limits: PreviewLimits;
  readonly now: () => number;
}

const usualWidth = 480;
/** What a job may wait for its sandbox. */
const queueMs = 30_000;
/** Besides the file and the preview. */
const spareBytes = 1024 * 1024;

/** @throws DragomanError preview_refused */
function refuse(reason: PreviewRefusal, needs: string | null = null): never {
  const message =
    reason === 'unavailable' ? `${previewRefusals[reason]}: ${needs ?? 'Python'}.` : previewRefusals[reason];
  throw new DragomanError('preview_refused', { message, subcode: reason });
}

/**
 * Makes a preview in a sandbox of its own, with limits of its own, and reads what comes out of it as claims.
 * @throws DragomanError preview_refused; sandbox_unavailable, cancelled and what else a job fails with
 */
export async function makePreview(
  parts: PreviewJobParts,
  principal: Principal,
  file: PreviewedFile,
  request: PreviewRequest,
  signal: AbortSignal,
): Promise<CollectedFile> {
  const { runner, jobFiles, plans, usage, limits, now } = parts;
  const plan = planOf(plans, principal);
  if (limits.maxFileBytes === 0) refuse('off');
  if (file.size > Math.min(limits.maxFileBytes, plan.limits.workspaceBytes - limits.maxBytes - spareBytes))
    refuse('too_large');
  const languages = await runner.languages();
  const tier = tierFor(plans, principal);
  const state = await requireTier(runner, tier);
  if (!languages.some(({ name }) => name === 'python')) refuse('unavailable');
  const extension = extensionOf(file.name);
  const path = `document${extension && `.${extension}`}`;
  const job: Job = {
    id: newId(),
    owner: ownerOf(principal),
    language: 'python',
    code: programFor(extension, request),
    args: [JSON.stringify(orderFor(path, extension, request, limits.maxBytes))],
    stdin: null,
    mode: 'program',
    inputs: [{ path, digest: file.digest, size: file.size, readOnly: true }],
    folders: null,
    limits: {
      ...plan.limits,
      // The limit is for what a document makes of it, not for how fast the processor is.
      wallMs: Math.min(limits.wallMs * (state?.pace ?? 1), plan.maxWallMs),
      memoryBytes: Math.min(limits.memoryBytes + 2 * file.size, plan.limits.memoryBytes),
      outputBytes: 4096,
      floodBytes: 65_536,
      artifacts: 2,
      artifactBytes: limits.maxBytes,
    },
    tier,
    tools: null,
    session: null,
    deadline: now() + queueMs,
  };
  const pass = jobFiles.collect(job.id, limits.maxBytes, { session: null, digests: [file.digest] });
  let files: ReadonlyMap<string, CollectedFile>;
  let ending: JobEnding;
  try {
    ending = await run(runner, pass === undefined ? job : { ...job, pass }, signal);
  } finally {
    files = await jobFiles.collected(job.id);
  }
  const { cpuMs, wallMs } = ending.result.usage;
  usage.record(principal, { cpuMs, wallMs });
  return previewOf(request, ending, files);
}

/** The ending of a job, with what it made in memory. @throws DragomanError what it failed with; cancelled */
async function run(runner: Runner, job: Job, signal: AbortSignal): Promise<JobEnding> {
  await runner.submit(job);
  const cancel = () => void runner.cancel(job.id);
  signal.addEventListener('abort', cancel, { once: true });
  if (signal.aborted) cancel();
  try {
    for await (const { event } of runner.events(job, 0)) {
      if (event.type === 'failed') throw faultOf(errorOf(event.error));
      if (event.type === 'ended') return event;
    }
  } finally {
    signal.removeEventListener('abort', cancel);
  }
  throw new DragomanError('internal', { message: 'The preview ended without a result.' });
}

/** A document that cannot be staged is too large; every other fault is of the service. */
function faultOf(error: DragomanError): DragomanError {
  const tooLarge: readonly ErrorCode[] = ['invalid_request', 'too_large'];
  if (!tooLarge.includes(error.code)) return error;
  return new DragomanError('preview_refused', { message: previewRefusals.too_large, subcode: 'too_large' });
}

function previewOf(
  { form }: PreviewRequest,
  { result }: JobEnding,
  files: ReadonlyMap<string, CollectedFile>,
): CollectedFile {
  switch (result.outcome) {
    case 'cancelled':
      throw new DragomanError('cancelled');
    case 'timed_out':
      refuse('took_too_long');
      break;
    case 'out_of_memory':
      refuse('too_large');
      break;
    case 'completed': {
      const refused = files.get('out/refused');
      const refusal = refused && readRefusal(refused.bytes);
      if (refusal) refuse(refusal.reason, refusal.needs);
      const made = files.get(`out/${form}`);
      const bytes = made && readPreview(form, made.bytes);
      if (bytes) return { bytes, digest: made.digest };
      break;
    }
  }
  // A library that a document ends, and a document that takes over the program, look the same from here.
  refuse('corrupt');
}

/** The program, in words that choose a sandbox in which its libraries are loaded already. */
function programFor(extension: string, { form }: PreviewRequest): string {
  const isPlain = form !== 'png' && plainEndings.has(extension);
  const warm = isPlain ? 'import zipfile' : 'try:\n    import numpy\nexcept ImportError:\n    pass';
  return `import sys\n${warm}\nsys.path.insert(0, '/opt/dragoman')\nfrom guest.previews.main import main\nmain()\n`;
}

/** Files that are read without numpy. */
const plainEndings = new Set(
  'csv,tsv,json,jsonl,md,txt,html,docx,odt,pdf,pptx,zip,tar,gz,ipynb,sqlite,db,py,js,ts,css,xml,yaml,yml,sh'.split(','),
);

const orderFor = (path: string, extension: string, request: PreviewRequest, maxBytes: number) => ({
  path: `/mnt/data/${path}`,
  extension,
  form: request.form,
  page: request.page ?? 1,
  sheet: request.sheet ?? 1,
  offset: request.offset ?? 0,
  width: request.width ?? usualWidth,
  max_bytes: maxBytes,
});

/** The ending of a name, which becomes part of a path inside. */
export function extensionOf(name: string): string {
  const ending = extname(name).slice(1).toLowerCase();
  return /^[a-z0-9]{1,10}$/.test(ending) ? ending : '';
}
