import { pathOf } from './address.ts';
import type { File, FileSummary, ListSessionFilesAnswer, NativeFileReference, ReadSessionFileQuery } from './api.ts';
import type { CallOptions } from './deadline.ts';
import { type Download, downloadOf } from './download.ts';
import { PathError } from './errors.ts';
import type { Transport } from './transport.ts';

/** What a file can be made of. A stream is sent as it comes; browsers send one only over HTTP/2. */
export type FileContent = string | Blob | ArrayBuffer | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;

/** Which part of a file a preview shows. */
export type PreviewPart = Pick<ReadSessionFileQuery, 'page' | 'sheet' | 'offset' | 'width'>;

/** Making a preview takes longer than reading one. */
const previewTimeoutMs = 2 * 60_000;

/** A whole upload has no time limit but this one; a download must not stand still for so long. */
const uploadTimeoutMs = 15 * 60_000;

/** The files of one session. Paths are relative to the workspace, with `/` between segments. */
export class SessionFiles {
  readonly #transport: Transport;
  readonly #base: string;

  constructor(transport: Transport, sessionId: string) {
    this.#transport = transport;
    this.#base = pathOf('sessions', sessionId);
  }

  /** All of them, by path, as of the last execution that ended. */
  async list(options: CallOptions = {}): Promise<File[]> {
    return (await this.#transport.json<ListSessionFilesAnswer>('GET', `${this.#base}/files`, options)).data;
  }

  /** Stores a file, or another content of it. */
  async put(path: string, content: FileContent, options: CallOptions & { readonly type?: string } = {}): Promise<File> {
    return this.#transport.json('PUT', this.#address(path), {
      timeoutMs: uploadTimeoutMs,
      ...options,
      headers: {
        'content-type': options.type || (content instanceof Blob && content.type) || 'application/octet-stream',
      },
      body: content,
      repeatable: true,
    });
  }

  /** Puts a copy of a stored file into the session. */
  copy(file: NativeFileReference, options: CallOptions = {}): Promise<File> {
    return this.#transport.json('POST', `${this.#base}/files`, { ...options, json: file });
  }

  /** The content of a file. */
  async get(path: string, options: CallOptions = {}): Promise<Download> {
    return downloadOf(await this.#transport.open('GET', this.#address(path), options));
  }

  /**
   * A file as it can be looked at: HTML to be shown in a frame without scripts, plain text, or a picture (PNG). The service makes it in a
   * sandbox from what the file holds: trust it as little as the file.
   * @throws ApiError preview_refused where there is none
   */
  async preview(
    path: string,
    form: 'html' | 'text' | 'png',
    options: CallOptions & PreviewPart = {},
  ): Promise<Download> {
    const { page, sheet, offset, width, ...call } = options;
    const query = new URLSearchParams({ preview: form });
    for (const [name, value] of Object.entries({ page, sheet, offset, width }))
      if (value !== undefined) query.set(name, String(value));
    const address = `${this.#address(path)}?${query}`;
    return downloadOf(await this.#transport.open('GET', address, { timeoutMs: previewTimeoutMs, ...call }));
  }

  /** What a file holds, in short: columns and types, sheets, pages, entries. @throws ApiError preview_refused where that cannot be told */
  summary(path: string, options: CallOptions = {}): Promise<FileSummary> {
    const address = `${this.#address(path)}?preview=json`;
    return this.#transport.json('GET', address, { timeoutMs: previewTimeoutMs, ...options });
  }

  /** All of them as a zip. */
  async archive(options: CallOptions = {}): Promise<Download> {
    return downloadOf(await this.#transport.open('GET', `${this.#base}/archive`, options));
  }

  async delete(path: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.json('DELETE', this.#address(path), { ...options, repeatable: true });
  }

  #address(path: string): string {
    try {
      return `${this.#base}/files${pathOf(...path.split('/'))}`;
    } catch {
      throw new PathError(
        `${JSON.stringify(path)} is no path of a file: it has an empty segment, ".", ".." or half of a character`,
      );
    }
  }
}
