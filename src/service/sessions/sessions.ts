import type { FileRef, Limits, Principal, StoredFile, Tier, UsageNow } from '../../core/index.ts';
import type { Execution } from '../executions/executions.ts';
import type { InputFile, UploadFile } from '../files/files.ts';
import type { Carried } from '../states/states.ts';

/**
 * A place to work: files that last, and interpreters that keep their variables while its sandbox lives. Reachable through every
 * dialect; its files are stored files whose `sessionId` is its id.
 */
export interface SessionInfo {
  readonly id: string;
  readonly name: string | null;
  /** Milliseconds since the epoch, as all times here. */
  readonly createdAt: number;
  /** Any use of the session or its files counts. */
  readonly lastActiveAt: number;
  /** The sandbox is closed after so long without use; the files stay. */
  readonly idleMs: number;
  /** When the session ends, files and all, unless it is used before: never later than its absolute maximum. */
  readonly expiresAt: number;
  /** `live`: a sandbox holds its variables; `dormant`: the next execution gets a new one with the files; `expired`: gone. */
  readonly state: 'live' | 'dormant' | 'expired';
  /** An execution runs or waits. */
  readonly busy: boolean;
  /** Limit of the sandbox's memory. */
  readonly memoryBytes: number;
  /** The creator's own notes; dialects keep here what only they know. */
  readonly metadata: Readonly<Record<string, string>>;
  /** It ends at this moment, however it is used; null: when it was not used for long enough. */
  readonly endsAt: number | null;
  /** The dialect that lists it among its own; null: none. */
  readonly face: string | null;
  /** What that dialect keeps of it: plain JSON. */
  readonly notes: Readonly<Record<string, unknown>>;
  /** What its sandbox is behind, always. Null: it was made before sessions kept that, and its sandbox is behind what the plan says. */
  readonly tier: Tier | null;
}

export interface SessionUsage extends UsageNow {
  /** Processors, bytes of memory and bytes of its workspace it may use. */
  readonly limits: Pick<Limits, 'cpus' | 'memoryBytes' | 'workspaceBytes'>;
}

export interface NewSession {
  /** Null: none. */
  readonly name?: string | null | undefined;
  /** Lowered to the operator's maximum. */
  readonly idleMs?: number | undefined;
  /** The session ends after so long without use; absent: the retention of files. */
  readonly lifeMs?: number | undefined;
  /** More than the plan's limit is lowered to it. */
  readonly memoryBytes?: number | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** When it ends, however it is used; lowered to the operator's maximum. Absent: after `lifeMs` without use. */
  readonly endsAt?: number | undefined;
  /** The dialect that lists it among its own, and what it keeps of it: JSON of at most 64 KiB. */
  readonly face?: string | undefined;
  readonly notes?: Readonly<Record<string, unknown>> | undefined;
  /** One that the plan lets a request choose; absent: the plan's. */
  readonly tier?: Tier | undefined;
  /** Stored files to begin with. */
  readonly files?: readonly InputFile[] | undefined;
}

/** A session that begins with what another one has. */
export interface ForkRequest extends NewSession {
  /** With its variables. Absent: yes. */
  readonly variables?: boolean | undefined;
  /** The fork is to know of nothing later than this execution of the session; where that was not saved it has files alone. */
  readonly execution?: string | undefined;
}

export interface Fork extends SessionInfo {
  /** Whether it has the variables, or why not. */
  readonly variables: Carried;
}

/** One of the interpreters of a session. Each has variables of its own; all share the files, and take turns. */
export interface KernelInfo {
  /** Of a default kernel: the interpreter's name, as `python`. */
  readonly id: string;
  /** Canonical name. */
  readonly language: string;
  /** Where it starts, relative to the workspace; empty: the workspace itself. */
  readonly directory: string;
  readonly createdAt: number;
  /** The kernel of code that names none: there is one for each language that has run. */
  readonly isDefault: boolean;
  /** `live`: it holds variables; `dormant`: its next code starts it anew. */
  readonly state: 'live' | 'dormant';
}

export interface NewKernel {
  /** Name or alias, any case, of a language that keeps variables. */
  readonly language: string;
  /** Relative to the workspace; made if it is missing. Absent: the workspace itself. */
  readonly directory?: string | undefined;
}

export interface Page {
  readonly limit: number;
  /** Id of the last element of the page before. */
  readonly after?: string | undefined;
  readonly order: 'asc' | 'desc';
}

/** Live sessions. A session of another principal is not_found. */
export interface Sessions {
  /** @throws DragomanError invalid_request, file_refused */
  create(principal: Principal, request: NewSession): Promise<SessionInfo>;
  /** The caller's latest session of this name; made as `request` says when there is none, or it is expired. */
  ensure(principal: Principal, name: string, request: Omit<NewSession, 'name'>): Promise<SessionInfo>;
  /** Also of an expired session, until its record goes. Does not count as use. @throws DragomanError not_found */
  get(principal: Principal, id: string): Promise<SessionInfo>;
  /**
   * The owner of a session and what is known of it, for a dialect whose caller has shown a right to this one session.
   * @throws DragomanError not_found, also for a session of another dialect; session_expired
   */
  resolve(face: string, id: string): Promise<{ readonly owner: Principal; readonly info: SessionInfo }>;
  /** Ids of the sessions of a dialect, of every principal, that have not ended: the latest ones. */
  idsOf(face: string, limit: number): Promise<readonly string[]>;
  /** By creation. `name` filters for exactly this name, `face` for those of a dialect. `more`: there are further ones after these. */
  list(
    principal: Principal,
    page: Page & { name?: string | undefined; face?: string | undefined },
  ): Promise<{ sessions: readonly SessionInfo[]; more: boolean }>;
  /** @throws DragomanError not_found, session_expired */
  update(
    principal: Principal,
    id: string,
    change: Pick<NewSession, 'name' | 'metadata' | 'idleMs' | 'endsAt' | 'notes'>,
  ): Promise<SessionInfo>;
  /** Counts as use. @throws DragomanError not_found, session_expired */
  touch(principal: Principal, id: string): Promise<SessionInfo>;
  /** Ends its sandbox and removes its files and its record. @throws DragomanError not_found */
  delete(principal: Principal, id: string): Promise<void>;
  /** Lets the interpreters go; the files stay. @throws DragomanError not_found, session_expired */
  restart(principal: Principal, id: string): Promise<SessionInfo>;
  /** Interrupts what runs in it; false when nothing does. @throws DragomanError not_found */
  interrupt(principal: Principal, id: string): Promise<boolean>;
  /**
   * What its sandbox uses now, and the most it may; without one it uses nothing. Does not count as use.
   * @throws DragomanError not_found
   */
  usageNow(principal: Principal, id: string): Promise<SessionUsage>;
  /** A new session with the same files, and the same variables as far as they can be saved. @throws DragomanError not_found, session_expired */
  fork(principal: Principal, id: string, request: ForkRequest): Promise<Fork>;

  /** The finished executions of a session that are remembered, the latest ones, oldest first, with the code they ran. */
  history(
    principal: Principal,
    id: string,
  ): Promise<readonly { readonly code: string; readonly execution: Execution }[]>;

  /** The files in its workspace as of the last execution, by path. @throws DragomanError not_found */
  files(principal: Principal, id: string): Promise<readonly StoredFile[]>;
  /** Puts a file into its workspace. @throws DragomanError not_found, session_expired, invalid_request, too_large, quota_exceeded */
  putFile(principal: Principal, id: string, file: UploadFile): Promise<StoredFile>;
  /** Puts a copy of a stored file into its workspace. @throws DragomanError as `putFile`; file_refused */
  copyFile(principal: Principal, id: string, file: FileRef & { path: string }): Promise<StoredFile>;
  /** Removes a file of its workspace. @throws DragomanError not_found, session_expired */
  removeFile(principal: Principal, id: string, path: string): Promise<void>;
}

/** The kernels of sessions. */
export interface Kernels {
  /** Default ones that have run, then those that were made. @throws DragomanError not_found, session_expired */
  list(principal: Principal, sessionId: string): Promise<readonly KernelInfo[]>;
  /**
   * Makes a further kernel, which starts with its first code.
   * @throws DragomanError not_found, session_expired, unsupported_language, invalid_request; conflict when there are too many
   */
  create(principal: Principal, sessionId: string, request: NewKernel): Promise<KernelInfo>;
  /** Ends what runs in a kernel and its process; its next code starts it anew. @throws DragomanError not_found, session_expired */
  restart(principal: Principal, sessionId: string, kernelId: string): Promise<KernelInfo>;
  /** Ends a kernel and forgets it. A default one comes back with its language's next code. @throws DragomanError as `restart` */
  delete(principal: Principal, sessionId: string, kernelId: string): Promise<void>;
}
