import { pathOf } from './address.ts';
import type { FileEntry, ListSandboxFilesAnswer, WriteSandboxFileQuery } from './api.ts';
import type { CallOptions, Deadline } from './deadline.ts';
import { type Download, downloadOf } from './download.ts';
import { ConnectionError } from './errors.ts';
import type { FileContent } from './files.ts';
import { readEvents, type ServerSentEvent } from './server-sent-events.ts';
import type { Transport } from './transport.ts';

/** A whole upload has no time limit but this one. */
const uploadTimeoutMs = 15 * 60_000;
/** The service says something at least every 15 seconds. */
const silenceMs = 60_000;

/** What happened to a path, which is relative to the directory that is watched. `overflow`: more changed than is told of. */
export interface SandboxFileChange {
  readonly change: 'created' | 'written' | 'removed' | 'renamed' | 'mode' | 'overflow';
  readonly path: string;
}

/**
 * Files at any path inside the sandbox of one session. A path is absolute, or relative to the workspace. What is not in the workspace is
 * lost with the sandbox.
 */
export class SandboxFiles {
  readonly #transport: Transport;
  readonly #base: string;

  constructor(transport: Transport, sessionId: string) {
    this.#transport = transport;
    this.#base = pathOf('sessions', sessionId, 'fs');
  }

  /** What is at a path. @throws ApiError not_found */
  entry(path: string, options: CallOptions = {}): Promise<FileEntry> {
    return this.#transport.json('GET', `${this.#base}/entry`, { ...options, query: { path } });
  }

  /**
   * What is in a directory, in the order of a walk; the workspace without a path.
   * @param depth how many levels; 1 by default
   */
  list(path?: string, options: CallOptions & { readonly depth?: number } = {}): Promise<ListSandboxFilesAnswer> {
    const { depth, ...call } = options;
    return this.#transport.json('GET', `${this.#base}/list`, { ...call, query: { path, depth } });
  }

  /** The content of a file; with `start`, from that byte on, with `end`, to that byte and not further. */
  async read(
    path: string,
    options: CallOptions & { readonly start?: number; readonly end?: number } = {},
  ): Promise<Download> {
    const { start, end, ...call } = options;
    const isPart = start !== undefined || end !== undefined;
    const headers: Record<string, string> = isPart ? { range: `bytes=${start ?? 0}-${end ?? ''}` } : {};
    return downloadOf(
      await this.#transport.open('GET', `${this.#base}/content`, { ...call, headers, query: { path } }),
    );
  }

  /**
   * Writes a file, with its directories. Until all of the content has come, what was there stays.
   * @param mode permission bits in octal, as `755`; by default as the file was, or 644
   */
  write(
    path: string,
    content: FileContent,
    options: CallOptions & Pick<WriteSandboxFileQuery, 'mode'> = {},
  ): Promise<FileEntry> {
    const { mode, ...call } = options;
    return this.#transport.json('PUT', `${this.#base}/content`, {
      timeoutMs: uploadTimeoutMs,
      ...call,
      query: { path, mode },
      headers: { 'content-type': 'application/octet-stream' },
      body: content,
      repeatable: true,
    });
  }

  /** Makes a directory, with those it is in. */
  makeDirectory(path: string, options: CallOptions = {}): Promise<FileEntry> {
    return this.#transport.json('POST', `${this.#base}/directories`, { ...options, json: { path } });
  }

  /** Moves a file or a directory. Returns it where it is now. */
  move(from: string, to: string, options: CallOptions = {}): Promise<FileEntry> {
    return this.#transport.json('POST', `${this.#base}/move`, { ...options, json: { from, to } });
  }

  /** Removes a file, or a directory with all that is in it. */
  async remove(path: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.json('DELETE', `${this.#base}/entry`, { ...options, query: { path } });
  }

  /**
   * Changes below a directory, the workspace without a path, from now on: when this resolves the service watches. Reading them ends when
   * the reader leaves, or throws: the reason of the signal, or a ConnectionError. A change that comes while the connection is lost is not told.
   */
  async changes(
    path?: string,
    options: CallOptions & { readonly recursive?: boolean } = {},
  ): Promise<AsyncGenerator<SandboxFileChange, void>> {
    const { recursive, ...call } = options;
    const query = { path, recursive: recursive ? 'true' : undefined };
    const headers = { accept: 'text/event-stream' };
    const { response, deadline } = await this.#transport.open('GET', `${this.#base}/changes`, {
      ...call,
      headers,
      query,
    });
    const events = readEvents(response.body!, () => deadline.restart(silenceMs));
    const changes = changesIn(events, deadline);
    try {
      // The first one says that the service watches.
      deadline.restart(silenceMs);
      await events.next();
      return changes;
    } catch (error) {
      deadline.abort();
      throw error;
    }
  }
}

async function* changesIn(
  events: AsyncIterable<ServerSentEvent>,
  deadline: Deadline,
): AsyncGenerator<SandboxFileChange, void> {
  try {
    for await (const { event, data } of events) if (event === 'change') yield JSON.parse(data);
    if (deadline.signal.aborted) throw deadline.signal.reason;
    throw new ConnectionError('The connection to the changes was lost');
  } finally {
    deadline.abort();
  }
}
