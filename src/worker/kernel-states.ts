import { createHash } from 'node:crypto';
import { boundedObject, printable, type StateLoss, stateReportOf } from '../core/index.ts';
import { type EngineSession, isLoss, type KernelState } from '../engine/index.ts';
import type { FileUse, JobFiles, Restored, SavedState, StateRef, StateSave } from '../runner/index.ts';

/** More than any state of the bounds of the stream has. */
const maxManifestBytes = 4 * 1024 * 1024;
const maxVersions = 64;

/** What is stored of a state beside its bytes. */
interface Manifest {
  readonly format: 1;
  /** Whose it is: it is given to no sandbox of another owner. */
  readonly owner: string;
  readonly kernel: string;
  readonly state: KernelState;
}

/** Saves one kernel of a session. Never rejects but with `SandboxGone`: what is not saved is a loss. */
export async function saveKernel(
  sandbox: EngineSession,
  files: JobFiles,
  { kernel, use }: { readonly kernel: string; readonly use: FileUse },
  { deadlineMs, maxBytes }: StateSave,
): Promise<SavedState> {
  let pieces = 0;
  const put = (content: AsyncIterable<Uint8Array>, most: number) =>
    files.put(use, `${kernel}/${++pieces}`, content, most);
  const state = await sandbox.saveState(kernel, { deadlineMs, maxBytes, put });
  if (isLoss(state)) return { kernel, ref: null, bytes: 0, report: null, versions: {}, loss: state };
  const manifest: Manifest = { format: 1, owner: use.owner, kernel, state };
  const text = Buffer.from(JSON.stringify(manifest));
  const { report, versions } = shownOf(state);
  try {
    const { digest, size } = await files.put(use, `${kernel}/manifest`, once(text), maxManifestBytes);
    return { kernel, ref: { digest, size }, bytes: state.bytes + size, report, versions, loss: null };
  } catch {
    const loss: StateLoss = { reason: 'storage', message: 'The state could not be stored.' };
    return { kernel, ref: null, bytes: 0, report: null, versions: {}, loss };
  }
}

/** Gives a kernel its state back. Rejects with `SandboxGone` and `DragomanError` of the engine alone. */
export async function restoreKernel(
  sandbox: EngineSession,
  files: JobFiles,
  { id, language, use }: { readonly id: string; readonly language: string; readonly use: FileUse },
  { ref, deadlineMs }: { readonly ref: StateRef; readonly deadlineMs: number },
  signal: AbortSignal,
): Promise<Restored> {
  let state: KernelState;
  try {
    state = await readManifest(files, ref, { kernel: id, use });
  } catch (error) {
    return { loss: { reason: 'storage', message: `The saved variables cannot be read: ${(error as Error).message}.` } };
  }
  const options = { deadlineMs, open: (digest: string) => files.open(use, digest), signal };
  const end = await sandbox.restoreState({ language, kernel: id }, state, options);
  return 'reason' in end ? { loss: end } : { report: end };
}

/** @throws Error when it is not what was stored, or was stored for another owner or kernel */
async function readManifest(
  files: JobFiles,
  { digest, size }: StateRef,
  { kernel, use }: { readonly kernel: string; readonly use: FileUse },
): Promise<KernelState> {
  if (size > maxManifestBytes) throw new Error('their list is too large');
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of await files.open(use, digest)) {
    bytes += part.length;
    if (bytes > size) throw new Error('their list is longer than it was');
    parts.push(part);
  }
  const text = Buffer.concat(parts);
  if (createHash('sha256').update(text).digest('hex') !== digest) throw new Error('their list is not what was stored');
  const manifest = JSON.parse(text.toString('utf8')) as Manifest;
  if (manifest.owner !== use.owner || manifest.kernel !== kernel) throw new Error('they are those of another session');
  return manifest.state;
}

/** What the head of a state says of it, for people to read. */
function shownOf({ head }: KernelState): Pick<SavedState, 'report' | 'versions'> {
  const said = boundedObject(Buffer.from(head));
  const versions = Object.entries(said?.versions ?? {})
    .slice(0, maxVersions)
    .filter((entry): entry is [string, string] => typeof entry[1] === 'string')
    .map(([name, version]) => [printable(name, 100), printable(version, 100)]);
  return { report: stateReportOf(said?.report), versions: Object.fromEntries(versions) };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
