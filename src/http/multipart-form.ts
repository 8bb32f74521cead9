import type { IncomingMessage } from 'node:http';
import type { Multipart, MultipartFile, MultipartValue } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { DragomanError } from '../core/index.ts';
import type { UploadFile } from '../service/index.ts';

export interface FormLimits {
  readonly maxFileBytes: number;
  readonly maxFiles: number;
  /** How long the whole form may take to arrive, in milliseconds. */
  readonly timeoutMs: number;
  /** Fields that have to come before the first file, such as those that say whose the files are. */
  readonly early?: ReadonlySet<string>;
}

const maxFields = 32;
const maxFieldBytes = 4096;
/**
 * Read ahead of a part. More than one read of a socket brings, because the parser never ends a form whose last part it passes over
 * (one without a name, say) and that does not fit.
 */
const bufferBytes = 128 * 1024;

/**
 * One multipart request as it arrives: its fields up to the first file, then its files, one at a time, never held in memory,
 * and the fields between and behind them. Close it when done.
 */
export class MultipartForm {
  /** Those that have arrived. */
  readonly fields = new Map<string, string>();
  /** True once more files came than may; the surplus is left out. */
  tooMany = false;
  /** True once the time was over before the form was complete. */
  expired = false;
  readonly #request: IncomingMessage;
  readonly #maxFiles: number;
  readonly #early: ReadonlySet<string>;
  readonly #parts: AsyncIterator<Multipart>;
  readonly #deadline: Promise<never>;
  readonly #timer: NodeJS.Timeout;
  #first: MultipartFile | undefined;
  #current: MultipartFile | undefined;

  constructor(request: FastifyRequest, limits: FormLimits) {
    if (!request.isMultipart()) throw new DragomanError('invalid_request', { message: 'multipart/form-data expected' });
    this.#request = request.raw;
    this.#maxFiles = limits.maxFiles;
    this.#early = limits.early ?? new Set();
    this.#parts = request.parts({
      fileHwm: bufferBytes,
      limits: {
        fileSize: limits.maxFileBytes,
        files: limits.maxFiles,
        fields: maxFields,
        fieldSize: maxFieldBytes,
        parts: limits.maxFiles + maxFields + 1,
      },
    });
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => {});
    this.#deadline = promise;
    this.#timer = setTimeout(() => {
      this.expired = true;
      const error = new DragomanError('upload_timeout');
      reject(error);
      this.#current?.file.destroy(error);
    }, limits.timeoutMs);
  }

  /**
   * Reads up to the first file. False when there is none.
   * @throws DragomanError invalid_request for a malformed form; upload_timeout; cancelled
   */
  async begin(): Promise<boolean> {
    for (;;) {
      const part = await this.#next();
      if (!part) return false;
      if (part.type === 'file') {
        this.#first = part;
        this.#current = part;
        return true;
      }
      this.#keep(part);
    }
  }

  /**
   * The files, once. A file that was not read to its end is skipped when the next is asked for.
   * @param partial ends quietly when the time is over or too many files come, instead of throwing
   * @throws DragomanError as `begin`; too_large for too many files
   */
  async *files(partial: boolean): AsyncGenerator<UploadFile> {
    for (let part: Multipart | undefined = this.#first; part; ) {
      if (part.type === 'file') {
        this.#current = part;
        yield { name: part.filename ?? '', contentType: part.mimetype, content: contentOf(part) };
        part.file.resume();
      } else if (this.#early.has(part.fieldname)) {
        throw new DragomanError('invalid_request', { message: 'form fields must come before the files' });
      } else {
        this.#keep(part);
      }
      try {
        part = await this.#next();
      } catch (error) {
        if (partial && this.expired) return;
        throw error;
      }
    }
    if (this.tooMany && !partial) {
      throw new DragomanError('too_large', { message: `at most ${this.#maxFiles} files in one upload` });
    }
  }

  /** Lets what is still arriving run off: behind it, the connection's next request waits. */
  close(): void {
    clearTimeout(this.#timer);
    this.#request.unpipe();
    this.#request.resume();
  }

  #keep(field: MultipartValue): void {
    if (field.valueTruncated) throw new DragomanError('invalid_request', { message: 'a form field is too long' });
    // The parser reads fields of type application/json, and what it makes of them may be anything.
    if (typeof field.value !== 'string')
      throw new DragomanError('invalid_request', { message: 'a form field must be text' });
    this.fields.set(field.fieldname, field.value);
  }

  async #next(): Promise<Multipart | undefined> {
    const next = this.#parts.next();
    // When the deadline wins, whatever becomes of the part afterwards is of no interest.
    next.catch(() => {});
    try {
      const { value, done } = await Promise.race([next, this.#deadline]);
      return done ? undefined : value;
    } catch (error) {
      if (codeOf(error) !== 'FST_FILES_LIMIT') throw faultOf(error);
      this.tooMany = true;
      return undefined;
    }
  }
}

/** A part's bytes. Leaving early keeps the stream alive, so that the parts behind it can still be read. */
async function* contentOf(part: MultipartFile): AsyncGenerator<Uint8Array> {
  try {
    yield* part.file.iterator({ destroyOnReturn: false });
  } catch (error) {
    throw faultOf(error);
  }
  if (part.file.truncated) throw new DragomanError('too_large', { message: 'File size limit exceeded' });
}

/** What the parser and the connection call a caller that left in the middle. */
const goneCodes = new Set(['FST_MP_PREMATURE_CLOSE', 'ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET', 'EPIPE']);

/** What the parser or the connection throws, as a fault of the caller. */
function faultOf(error: unknown): DragomanError {
  if (error instanceof DragomanError) return error;
  if (goneCodes.has(codeOf(error))) return new DragomanError('cancelled', { cause: error });
  return new DragomanError('invalid_request', { message: 'the multipart body is malformed', cause: error });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
