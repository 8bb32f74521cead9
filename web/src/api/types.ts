/** What the native API answers, as far as the pages read it. */

export interface Who {
  readonly principal: string;
  readonly open: boolean;
  readonly rights: readonly ('use' | 'admin')[];
  readonly shares: boolean;
  readonly plan: string;
  readonly limits: {
    readonly memory_bytes: number;
    readonly timeout_ms: number;
    readonly longest_timeout_ms: number;
  };
  readonly languages: readonly Language[];
  readonly version: string;
}

interface Language {
  readonly name: string;
  readonly title: string;
  readonly aliases: readonly string[];
  readonly keeps_variables: boolean;
}

export interface Session {
  readonly id: string;
  readonly name: string | null;
  readonly state: 'live' | 'dormant' | 'expired';
  readonly busy: boolean;
  readonly created_at: string;
  readonly last_active_at: string;
  readonly expires_at: string;
  readonly idle_timeout_ms: number;
  readonly memory_bytes: number;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface StoredFile {
  readonly id: string;
  readonly session_id: string;
  readonly path: string;
  readonly size: number;
  readonly mime: string;
  readonly sha256: string;
  readonly created_at: string;
  readonly source: 'user' | 'program';
}

export interface Artifact extends StoredFile {
  readonly change: 'created' | 'modified';
}

/** One result in several forms by MIME type. */
export type Bundle = Readonly<Record<string, unknown>>;

export interface ProgramError {
  readonly name: string;
  readonly value: string;
  readonly traceback: readonly string[];
}

/** How an execution ended. */
export interface Ending {
  readonly id: string;
  readonly outcome:
    | 'completed'
    | 'timed_out'
    | 'out_of_memory'
    | 'output_limit'
    | 'killed'
    | 'cancelled'
    | 'worker_lost';
  readonly exit_code: number | null;
  readonly signal: string | null;
  readonly state: 'fresh' | 'continued' | 'restored';
  /** What became of saved variables that were given back before it. */
  readonly restored: { readonly message: string; readonly reason: string | null } | null;
  readonly interpreter: 'kept' | 'lost' | 'none';
  readonly usage: { readonly cpu_ms: number; readonly wall_ms: number; readonly peak_memory_bytes: number };
  readonly truncated: boolean;
  readonly deleted: readonly string[];
  readonly lost: readonly { readonly path: string; readonly reason: string }[];
}

export interface Page<T> {
  readonly data: readonly T[];
  readonly has_more: boolean;
}

export interface DocumentCell {
  readonly id: string;
  readonly kind: 'code' | 'text';
  readonly language: string;
  readonly source: string;
  readonly execution_id?: string | null;
}

export interface Turn {
  readonly id: string;
  readonly parent?: string | null;
  readonly text: string;
  readonly files?: readonly { readonly path: string; readonly size: number }[] | null;
  readonly response_id?: string | null;
  readonly model?: string | null;
  readonly session_id?: string | null;
}

export interface Chat {
  readonly title: string;
  readonly model?: string | null;
  readonly instructions?: string | null;
  readonly code: boolean;
  readonly head?: string | null;
  readonly session_id?: string | null;
  readonly turns: readonly Turn[];
}

export interface ChatSummary {
  readonly id: string;
  readonly title: string;
  readonly session_id: string | null;
  readonly updated_at: string;
}
