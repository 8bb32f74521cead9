import { DragomanError, isId, type Principal } from '../core/index.ts';
import type { NewSession, SessionInfo, Sessions } from '../service/index.ts';
import type { Attachment, Attachments } from './files/attachments.ts';
import { freeName } from './files/names.ts';
import { Refusal } from './refusal.ts';

/** Where the code of one request shall run. */
export interface WorkplaceRequest {
  /** A session the client names: it must be there. */
  readonly named?: string | undefined;
  /** The session of earlier code of this conversation; replaced by a new one when it is gone. */
  readonly earlier?: string | undefined;
  readonly files: readonly Attachment[];
  /** What a new session is made with. */
  readonly settings: Omit<NewSession, 'files'>;
}

type WorkplaceSessions = Pick<
  Sessions,
  'create' | 'get' | 'touch' | 'update' | 'delete' | 'files' | 'putFile' | 'copyFile'
>;

interface Placed {
  readonly file: Attachment;
  /** Relative to the workspace. */
  readonly path: string;
}

/** A session remembers the digests of the files that were put in, so that a conversation that is sent again puts none in twice. */
const digestsKey = 'openai_inputs';
const digestLength = 12;
/** What the metadata of a session has room for. */
const maxDigests = 38;

/** Where the code of one request runs: a session that is made and filled when code first needs it. */
export class Workplace {
  /** Paths of the files that code will find. */
  readonly files: readonly string[];
  /** What is known of some of these, by path. */
  notes: ReadonlyMap<string, string> = new Map();
  /** The session of earlier code is gone: the model must be told. */
  readonly isLost: boolean;
  readonly #sessions: WorkplaceSessions;
  readonly #attachments: Attachments;
  readonly #principal: Principal;
  readonly #request: WorkplaceRequest;
  readonly #found: SessionInfo | undefined;
  /** Digests of the files that are in the session, by path. */
  readonly #there: ReadonlyMap<string, string>;
  readonly #placed: readonly Placed[];
  #session: Promise<string> | undefined;

  /**
   * Checks what can be checked before a model is asked.
   * @throws Refusal session_not_found, DragomanError session_expired for the session that is named
   */
  static async choose(
    sessions: WorkplaceSessions,
    attachments: Attachments,
    principal: Principal,
    request: WorkplaceRequest,
  ): Promise<Workplace> {
    const { named, earlier } = request;
    const found =
      named !== undefined
        ? await useSession(sessions, principal, named)
        : earlier === undefined
          ? undefined
          : await liveSession(sessions, principal, earlier);
    const files = found ? await sessions.files(principal, found.id) : [];
    const there = new Map(files.map(({ name, digest }) => [name, digest]));
    const workplace = new Workplace(sessions, attachments, principal, request, found, there);
    const kept = files.map(({ name, digest, size }) => ({ path: name, name, digest, size }));
    const brought = workplace.#placed.flatMap(({ file, path }) =>
      'ref' in file.source ? [{ path, name: file.name, digest: file.digest, size: file.size }] : [],
    );
    workplace.notes = await attachments.notesOn(principal, [...kept, ...brought]);
    return workplace;
  }

  private constructor(
    sessions: WorkplaceSessions,
    attachments: Attachments,
    principal: Principal,
    request: WorkplaceRequest,
    found: SessionInfo | undefined,
    there: ReadonlyMap<string, string>,
  ) {
    this.#sessions = sessions;
    this.#attachments = attachments;
    this.#principal = principal;
    this.#request = request;
    this.#found = found;
    this.#there = there;
    const known = new Set(digestsOf(found));
    this.#placed = place(
      request.files.filter(({ digest }) => !known.has(short(digest))),
      there,
    );
    this.files = [...new Set([...there.keys(), ...this.#placed.map(({ path }) => path)])];
    this.isLost = request.named === undefined && request.earlier !== undefined && found === undefined;
  }

  get request(): WorkplaceRequest {
    return this.#request;
  }

  /** The session is the client's own: the request leaves it as it is. */
  get isNamed(): boolean {
    return this.#request.named !== undefined;
  }

  /** Where code finds a file of the request, relative to the workspace. */
  pathOf(file: Attachment): string {
    const placed = this.#placed.find((each) => each.file === file)?.path;
    if (placed !== undefined || this.#there.get(file.name) === file.digest) return placed ?? file.name;
    // An earlier request put it in, perhaps with a prefix.
    const same = [...this.#there].find(([, digest]) => digest === file.digest);
    return same?.[0] ?? file.name;
  }

  /** The session, made and filled at the first call. @throws DragomanError as `Sessions` */
  session(): Promise<string> {
    this.#session ??= this.#prepare();
    return this.#session;
  }

  /** The session, if it was asked for and could be made. */
  async used(): Promise<string | undefined> {
    return this.#session?.catch(() => undefined);
  }

  /** Removes a session that was made for this request. Never rejects: what cannot be removed now expires. */
  async discard(): Promise<void> {
    const session = await this.used();
    if (session === undefined || this.isNamed) return;
    await this.#sessions.delete(this.#principal, session).catch(() => {});
  }

  async #prepare(): Promise<string> {
    const found = this.#found;
    const session = found ?? (await this.#sessions.create(this.#principal, this.#request.settings));
    try {
      for (const placed of this.#placed) await this.#put(session.id, placed);
      if (this.#placed.length > 0) await this.#remember(session);
    } catch (error) {
      // A new session is of no use to anyone.
      if (!found) await this.#sessions.delete(this.#principal, session.id).catch(() => {});
      throw error;
    }
    return session.id;
  }

  async #put(sessionId: string, { file, path }: Placed): Promise<void> {
    const { source, contentType } = file;
    if ('ref' in source) await this.#sessions.copyFile(this.#principal, sessionId, { ...source.ref, path });
    else {
      const content = await this.#attachments.open(this.#principal, file);
      await this.#sessions.putFile(this.#principal, sessionId, { name: path, contentType, content });
    }
  }

  async #remember(session: SessionInfo): Promise<void> {
    const digests = [...digestsOf(session), ...this.#placed.map(({ file }) => short(file.digest))].slice(-maxDigests);
    const metadata = { ...session.metadata, [digestsKey]: digests.join(' ') };
    await this.#sessions.update(this.#principal, session.id, { metadata });
  }
}

/** A session a client names. This counts as use. @throws Refusal session_not_found; DragomanError session_expired */
export async function useSession(
  sessions: Pick<Sessions, 'touch'>,
  principal: Principal,
  id: string,
): Promise<SessionInfo> {
  const missing = new Refusal('session_not_found', 'The container does not exist.', { id });
  if (!isId(id)) throw missing;
  try {
    return await sessions.touch(principal, id);
  } catch (error) {
    throw isCode(error, 'not_found') ? missing : error;
  }
}

async function liveSession(
  sessions: Pick<Sessions, 'get'>,
  principal: Principal,
  id: string,
): Promise<SessionInfo | undefined> {
  if (!isId(id)) return undefined;
  try {
    const session = await sessions.get(principal, id);
    return session.state === 'expired' ? undefined : session;
  } catch (error) {
    if (isCode(error, 'not_found')) return undefined;
    throw error;
  }
}

/** Each file under its own name, or with a prefix where another file has that name. */
function place(files: readonly Attachment[], there: ReadonlyMap<string, string>): Placed[] {
  const taken = new Map(there);
  return files.map((file) => {
    const path = freeName(file.name, (name) => taken.has(name) && taken.get(name) !== file.digest);
    taken.set(path, file.digest);
    return { file, path };
  });
}

function digestsOf(session: SessionInfo | undefined): string[] {
  return session?.metadata[digestsKey]?.split(' ') ?? [];
}

function short(digest: string): string {
  return digest.slice(0, digestLength);
}

function isCode(error: unknown, code: DragomanError['code']): boolean {
  return error instanceof DragomanError && error.code === code;
}
