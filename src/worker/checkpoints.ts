import { createHash } from 'node:crypto';
import { constants as flags } from 'node:fs';
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';
import { DragomanError, type Limits, type StateLoss, wholeSession } from '../core/index.ts';
import type { Engine, EngineSession, SessionNotes } from '../engine/index.ts';
import type { FileUse, JobFiles, JobSession, SavedState, StateSave } from '../runner/index.ts';
import type { HeldFile } from './artifacts.ts';

const MiB = 1024 * 1024;
/** Bytes that are stored together: their digest is checked before anything reads them. */
const pieceBytes = 8 * MiB;
/** What does not become smaller becomes a little larger. */
const storedPieceBytes = pieceBytes + MiB;
const maxManifestBytes = 8 * MiB;
/** More than any boundary writes. */
const mostFiles = 16;
const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);
const fast = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

interface Piece {
  /** sha256 of the stored bytes, in lower-case hexadecimal. */
  readonly digest: string;
  readonly size: number;
  /** Before they were compressed. */
  readonly bytes: number;
}

/** What the worker knows of a session beside the engine. */
export interface LiveNotes {
  readonly held: readonly (readonly [string, HeldFile])[];
  readonly folders: readonly string[];
  /** Kernels that hold variables, with the number of cells they ran. */
  readonly kernels: readonly (readonly [string, number])[];
}

/** What is stored of a checkpoint beside its bytes. */
interface Manifest {
  readonly format: 1;
  /** Whose it is: no session of another owner goes on from it. */
  readonly owner: string;
  readonly session: string;
  readonly version: string;
  readonly notes: SessionNotes;
  readonly live: LiveNotes;
  readonly files: readonly { readonly name: string; readonly pieces: readonly Piece[] }[];
}

interface Whose {
  readonly session: string;
  readonly use: FileUse;
}

/** Writes all that runs in a session's sandbox and stores it. Never rejects: what is not saved is a loss. */
export async function saveCheckpoint(
  { checkpoints }: Engine,
  sandbox: EngineSession,
  files: JobFiles,
  { session, use }: Whose,
  live: () => LiveNotes,
  { deadlineMs, maxBytes }: StateSave['checkpoint'],
): Promise<SavedState> {
  const saved = { kernel: wholeSession, report: null, versions: {} };
  const lost = (reason: StateLoss['reason'], message: string): SavedState => ({
    ...{ ...saved, ref: null, bytes: 0, loss: { reason, message } },
  });
  if (!checkpoints) return lost('unavailable', 'Sandboxes of this service cannot be written to files.');
  const signal = AbortSignal.timeout(deadlineMs);
  let folder: Awaited<ReturnType<typeof checkpoints.makeFolder>> | undefined;
  try {
    folder = await checkpoints.makeFolder();
    const notes = await sandbox.checkpoint(folder.path, signal);
    const manifest = {
      format: 1 as const,
      owner: use.owner,
      session,
      version: await checkpoints.version(),
      notes,
      live: live(),
    };
    const store = new Storing(files, use, maxBytes, signal);
    const stored: Manifest['files'][number][] = [];
    const names = await readdir(folder.path);
    if (names.length > mostFiles) throw new Error('too many files were written');
    for (const name of names.sort()) stored.push({ name, pieces: await store.file(join(folder.path, name)) });
    const text = Buffer.from(JSON.stringify({ ...manifest, files: stored } satisfies Manifest));
    if (text.length > maxManifestBytes) throw new TooLarge();
    const ref = await files.put(use, `${wholeSession}/manifest`, once(text), maxManifestBytes);
    return { ...saved, ref: { digest: ref.digest, size: ref.size }, bytes: store.bytes + ref.size, loss: null };
  } catch (error) {
    if (error instanceof TooLarge) return lost('too_large', `The checkpoint is larger than ${maxBytes} bytes.`);
    if (error instanceof DragomanError && error.code === 'quota_exceeded') return lost('quota', error.message);
    if (error instanceof DragomanError) return lost('storage', error.message);
    if (signal.aborted) return lost('deadline', `The checkpoint was not written within ${deadlineMs} ms.`);
    return lost('failed', `The checkpoint could not be written: ${causeOf(error)}.`);
  } finally {
    await folder?.remove().catch(() => {});
  }
}

class TooLarge extends Error {}

/** Stores the files of one checkpoint, piece by piece. */
class Storing {
  readonly #files: JobFiles;
  readonly #use: FileUse;
  readonly #maxBytes: number;
  readonly #signal: AbortSignal;
  #pieces = 0;
  /** Those that are stored. */
  bytes = 0;

  constructor(files: JobFiles, use: FileUse, maxBytes: number, signal: AbortSignal) {
    this.#files = files;
    this.#use = use;
    this.#maxBytes = maxBytes;
    this.#signal = signal;
  }

  async file(path: string): Promise<Piece[]> {
    const pieces: Piece[] = [];
    // What isolates a sandbox wrote it, and may be under the control of what it holds: a link could lead anywhere, a pipe never ends.
    const file = await open(path, flags.O_RDONLY | flags.O_NOFOLLOW | flags.O_NONBLOCK);
    try {
      if (!(await file.stat()).isFile()) throw new Error('what was written is no file');
      // While a piece is stored the next one is compressed.
      let last: Promise<Piece> | undefined;
      for (;;) {
        this.#signal.throwIfAborted();
        const raw = await readPiece(file);
        const packed = raw.length > 0 ? await compress(raw, fast) : undefined;
        if (last) pieces.push(await last);
        if (!packed) return pieces;
        this.bytes += packed.length;
        if (this.bytes > this.#maxBytes) throw new TooLarge();
        last = this.#put(packed, raw.length);
        last.catch(() => {});
      }
    } finally {
      await file.close();
    }
  }

  async #put(packed: Uint8Array, bytes: number): Promise<Piece> {
    const name = `${wholeSession}/${++this.#pieces}`;
    const { digest, size } = await this.#files.put(this.#use, name, once(packed), storedPieceBytes);
    return { digest, size, bytes };
  }
}

async function readPiece(file: FileHandle): Promise<Uint8Array> {
  const piece = Buffer.allocUnsafe(pieceBytes);
  let filled = 0;
  while (filled < piece.length) {
    const { bytesRead } = await file.read(piece, filled, piece.length - filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return piece.subarray(0, filled);
}

/** A session that went on, and what is known of it. */
export interface WentOn {
  readonly sandbox: EngineSession;
  readonly live: LiveNotes;
  /** It is that of another session: this one is a fork. */
  readonly isCopy: boolean;
}

/** Opens a session as it was when its checkpoint was written. Never rejects: where it does not go on, that is a loss. */
export async function goOnFrom(
  { checkpoints }: Engine,
  files: JobFiles,
  { session, use }: Whose,
  limits: Limits,
  { ref, deadlineMs }: NonNullable<JobSession['checkpoint']>,
): Promise<WentOn | StateLoss> {
  const lost = (reason: StateLoss['reason'], message: string): StateLoss => ({ reason, message });
  if (!checkpoints) return lost('changed', 'Sandboxes of this service cannot go on from a checkpoint.');
  const signal = AbortSignal.timeout(deadlineMs);
  let folder: Awaited<ReturnType<typeof checkpoints.makeFolder>> | undefined;
  try {
    const manifest = await readManifest(files, use, ref);
    if (manifest.owner !== use.owner) return lost('storage', 'The checkpoint is that of another owner.');
    if (manifest.version !== (await checkpoints.version()))
      return lost('changed', 'The checkpoint was made with other versions of the image or of what isolates sandboxes.');
    const { notes, live } = manifest;
    if (Object.entries(notes.limits).some(([name, value]) => limits[name as keyof Limits] !== value))
      return lost('changed', 'The checkpoint was made under other limits.');
    folder = await checkpoints.makeFolder();
    for (const { name, pieces } of manifest.files) {
      if (!/^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}$/.test(name)) throw new Damaged('a file has no name');
      await writePieces(join(folder.path, name), pieces, files, use, signal);
    }
    const isCopy = manifest.session !== session;
    const sandbox = await checkpoints.restore({ limits, owner: use.owner, notes }, folder.path, { isCopy, signal });
    return { sandbox, live, isCopy };
  } catch (error) {
    if (error instanceof Damaged) return lost('broken', `The checkpoint is not what was stored: ${error.message}.`);
    if (signal.aborted) return lost('deadline', `Going on from the checkpoint took longer than ${deadlineMs} ms.`);
    if (error instanceof DragomanError && error.code !== 'sandbox_unavailable') return lost('storage', error.message);
    return lost('failed', `No sandbox could go on from the checkpoint: ${causeOf(error)}.`);
  } finally {
    await folder?.remove().catch(() => {});
  }
}

class Damaged extends Error {}

async function readManifest(files: JobFiles, use: FileUse, { digest, size }: Pick<Piece, 'digest' | 'size'>) {
  if (size > maxManifestBytes) throw new Damaged('its list is too large');
  return JSON.parse((await stored(files, use, { digest, size })).toString('utf8')) as Manifest;
}

async function writePieces(
  path: string,
  pieces: readonly Piece[],
  files: JobFiles,
  use: FileUse,
  signal: AbortSignal,
): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    for (const piece of pieces) {
      signal.throwIfAborted();
      if (piece.size > storedPieceBytes || piece.bytes > pieceBytes) throw new Damaged('a piece is too large');
      const packed = await stored(files, use, piece);
      const raw = await decompress(packed, { maxOutputLength: pieceBytes });
      if (raw.length !== piece.bytes) throw new Damaged('a piece has another length');
      await file.writeFile(raw);
    }
  } finally {
    await file.close();
  }
}

/** Stored bytes, if they are what was stored. */
async function stored(
  files: JobFiles,
  use: FileUse,
  { digest, size }: Pick<Piece, 'digest' | 'size'>,
): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of await files.open(use, digest)) {
    bytes += part.length;
    if (bytes > size) throw new Damaged('a piece is longer than it was');
    parts.push(part);
  }
  const content = Buffer.concat(parts);
  if (createHash('sha256').update(content).digest('hex') !== digest) throw new Damaged('a piece has other bytes');
  return content;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** What a boundary said, in one short line. */
function causeOf(error: unknown): string {
  const cause = (error as Error).cause ?? error;
  return ((cause as Error).message ?? String(cause)).split('\n')[0]!.slice(0, 200);
}
