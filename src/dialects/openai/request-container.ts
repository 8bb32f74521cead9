import { DragomanError, type Principal } from '../../core/index.ts';
import type { DialectContext } from '../../http/index.ts';
import type { UploadFile } from '../../service/index.ts';
import { useContainer } from './containers/container.ts';
import { type FileRecord, findFile, refOf } from './files/records.ts';
import { wireId } from './ids.ts';
import { freeName, lastSegment } from './uploads.ts';

/** Files that were made stay so long, and are not lost with the answer that names them. */
const containerLifeMs = 20 * 60_000;

/** A file of a message. */
export type MessageFile =
  /** `past`: it was answered already, and may be there no more. */
  | { readonly id: string; readonly param: string; readonly past?: boolean }
  | { readonly name: string; readonly contentType: string; readonly bytes: Buffer };

export interface RequestContainerOptions {
  readonly context: DialectContext;
  readonly principal: Principal;
  /** How long the sandbox may live without use, in milliseconds. */
  readonly idleMs: number | undefined;
  /** A container of the client's to run in, and to leave as it is afterwards. */
  readonly container: string | undefined;
  /** A session of an earlier request that this one goes on with; a new one is made when it is gone. */
  readonly earlier: string | undefined;
  readonly files: readonly MessageFile[];
}

/** Where one request's code runs: made when code first needs it, gone afterwards unless something is left that was asked for. */
export class RequestContainer {
  readonly #options: RequestContainerOptions;
  #session: Promise<string> | undefined;
  #kept: boolean;

  constructor(options: RequestContainerOptions) {
    this.#options = options;
    this.#kept = options.container !== undefined;
  }

  /** @throws WireError 404, DragomanError session_expired for the client's own container */
  session(): Promise<string> {
    this.#session ??= this.#make();
    return this.#session;
  }

  /**
   * Checks what can be checked before a model is asked: that container and files exist. The paths of the files code will find.
   * @throws WireError 404, DragomanError session_expired
   */
  async prepare(): Promise<string[]> {
    const { context, principal, container, files } = this.#options;
    const paths = new Set<string>();
    if (container !== undefined) {
      const { id } = await useContainer(context, principal, container);
      for (const { name } of await context.sessions.files(principal, id)) paths.add(name);
    }
    for (const file of files) {
      const found = await this.#found(file);
      if (found) paths.add(found.name);
    }
    return [...paths];
  }

  /** A file with its name; undefined when it is there no more and need not be. @throws WireError 404 */
  async #found(file: MessageFile): Promise<{ name: string; record?: FileRecord } | undefined> {
    if (!('id' in file)) return { name: lastSegment(file.name) };
    const { context, principal } = this.#options;
    try {
      const record = await findFile(context, principal, file.id, file.param);
      return { name: record.filename, record };
    } catch (error) {
      if (file.past && error instanceof DragomanError && error.code === 'not_found') return undefined;
      throw error;
    }
  }

  /** It stays when the request is over. */
  keep(): void {
    this.#kept = true;
  }

  /** The session, if code ran. */
  async used(): Promise<string | null> {
    return (await this.#session?.catch(() => undefined)) ?? null;
  }

  /** Its id on the wire; null when it is not there after the request. */
  async wireId(): Promise<string | null> {
    const session = await this.used();
    return session && this.#kept ? wireId('container', session) : null;
  }

  /** Ends it unless it is kept. Never rejects: what cannot be removed now expires. */
  async close(): Promise<void> {
    const session = await this.used();
    if (!session || this.#kept) return;
    await this.#options.context.sessions.delete(this.#options.principal, session).catch(() => {});
  }

  async #make(): Promise<string> {
    const { container, earlier } = this.#options;
    const session = (await this.#existing(container, earlier)) ?? (await this.#create());
    await this.#fill(session);
    return session;
  }

  async #existing(container: string | undefined, earlier: string | undefined): Promise<string | undefined> {
    const { context, principal } = this.#options;
    if (container !== undefined) return (await useContainer(context, principal, container)).id;
    if (earlier === undefined) return undefined;
    try {
      return (await context.sessions.touch(principal, earlier)).id;
    } catch (error) {
      const isGone = error instanceof DragomanError && ['not_found', 'session_expired'].includes(error.code);
      if (isGone) return undefined;
      throw error;
    }
  }

  async #create(): Promise<string> {
    const { context, principal, idleMs = containerLifeMs } = this.#options;
    const session = await context.sessions.create(principal, {
      idleMs: Math.min(idleMs, containerLifeMs),
      lifeMs: containerLifeMs,
    });
    return session.id;
  }

  /** Puts the files of the messages in, those that are not there yet. */
  async #fill(session: string): Promise<void> {
    const { context, principal, files } = this.#options;
    if (files.length === 0) return;
    const there = new Set((await context.sessions.files(principal, session)).map(({ name }) => name));
    const given = new Set<string>();
    for (const file of files) {
      const found = await this.#found(file);
      if (!found) continue;
      const { name, record } = found;
      // A container that goes on has the files of earlier messages already.
      if (there.has(name) && !given.has(name)) {
        given.add(name);
        continue;
      }
      const path = freeName(name, (free) => given.has(free) || there.has(free));
      given.add(path);
      if (record) await context.sessions.copyFile(principal, session, { ...refOf(record), path });
      else
        await context.sessions.putFile(
          principal,
          session,
          uploadOf(path, file as Exclude<MessageFile, { id: string }>),
        );
    }
  }
}

function uploadOf(name: string, { contentType, bytes }: Exclude<MessageFile, { id: string }>): UploadFile {
  return {
    name,
    contentType,
    content: (async function* () {
      yield bytes;
    })(),
  };
}
