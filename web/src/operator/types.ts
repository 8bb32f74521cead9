/** What the operators' API answers, as far as the pages read it. */

export interface Owner {
  readonly id: string;
  readonly name: string | null;
}

export interface Overview {
  readonly ready: boolean;
  readonly running: number;
  readonly waiting: number;
  readonly places: number;
  readonly waiting_for_answers: number;
  readonly sandboxes: { readonly live: number; readonly parked: number; readonly of_sessions: number };
  readonly memory: { readonly available_bytes: number; readonly total_bytes: number };
  readonly disk: { readonly free_bytes: number; readonly total_bytes: number };
  readonly problems: readonly { readonly code: string; readonly message: string; readonly mend: string }[];
  readonly version: string;
  readonly image: string;
  readonly isolation: string;
  readonly started_at: string;
}

export interface ObservedExecution {
  readonly id: string;
  readonly serial: number;
  readonly session_id: string;
  readonly owner: Owner;
  readonly language: string;
  readonly status: 'queued' | 'running' | 'waiting' | 'done';
  readonly begun_at: string;
  readonly placed_at: string | null;
}

export interface ObservedSession {
  readonly id: string;
  readonly owner: Owner;
  readonly state: 'live' | 'dormant' | 'expired';
  readonly busy: boolean;
  readonly kernels: readonly string[];
  readonly created_at: string;
  readonly last_active_at: string;
  readonly expires_at: string;
  readonly memory_bytes: number;
}

export interface ApiKey {
  readonly id: string;
  readonly name: string;
  readonly owner_id: string;
  readonly source: 'data_directory' | 'configuration';
  readonly rights: readonly ('use' | 'admin')[];
  readonly plan: string;
  readonly created_at: string | null;
  readonly revoked_at: string | null;
}

export interface KeyPage {
  readonly data: readonly ApiKey[];
  readonly has_more: boolean;
  readonly plans: readonly string[];
}

interface Amounts {
  readonly executions: number;
  readonly cpu_ms: number;
  readonly wall_ms: number;
  readonly bytes_stored: number;
  readonly bytes_served: number;
}

type Day = Amounts & { readonly date: string };

export interface Usage {
  readonly from: string;
  readonly to: string;
  readonly total: Amounts;
  readonly days: readonly Day[];
  readonly owners: readonly { readonly owner: Owner; readonly total: Amounts; readonly days: readonly Day[] }[];
  readonly other_owners: number;
}

export interface Storage {
  readonly bytes: number;
  readonly files: number;
  readonly owners: readonly { readonly owner: Owner; readonly bytes: number; readonly files: number }[];
  readonly other_owners: number;
}

export interface Fault {
  readonly at: string;
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly code: string;
  readonly request_id: string;
  readonly caller: string | null;
}

export interface Examination {
  readonly at: string;
  readonly usable: boolean;
  readonly checks: readonly {
    readonly name: string;
    readonly state: 'present' | 'missing' | 'absent';
    readonly detail: string;
  }[];
  readonly remedies: readonly string[];
}
