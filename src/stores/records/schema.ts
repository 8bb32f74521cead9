import type { Generated } from 'kysely';

/** Times are milliseconds since the epoch, truth values are 0 and 1: the same in every database. */
export interface Schema {
  file_sets: {
    id: string;
    tenant: string;
    principal_id: string;
    scope_kind: 'user' | 'agent' | 'skill';
    scope_id: string | null;
    scope_version: number | null;
    created_at: number;
    expires_at: number;
    /** Counts the changes of the set. */
    revision: Generated<number>;
  };
  files: {
    /** Order of recording. */
    serial: Generated<number>;
    set_id: string;
    id: string;
    name: string;
    size: number;
    digest: string;
    content_type: string;
    read_only: number;
    /** Unix permission bits; null: not known. */
    mode: number | null;
    source: 'user' | 'program';
    created_at: number;
    /** The set's revision that replaced or removed the file; null while it is listed. */
    superseded: number | null;
  };
  /** Every content whose bytes are in the byte store, or on their way there. */
  contents: {
    digest: string;
    size: number;
    /** When to look whether anything still refers to it; null: a file does, and will set this when it goes. */
    check_at: number | null;
    /** 1 while its bytes are being deleted: no new reference then. */
    leaving: Generated<number>;
  };
  /** What keeps contents that no file refers to yet. */
  holds: {
    id: string;
    digest: string;
    expires_at: number;
    /** Of what a job's worker may store: the job, where its file goes, and for whom it counts. Null: of other uploads. */
    job_id: string | null;
    path: string | null;
    size: number | null;
    charged: number | null;
    tenant: string | null;
    principal_id: string | null;
    is_proven: Generated<number>;
  };
  /** What each owner takes, kept in the transactions that change it. */
  owners: {
    tenant: string;
    principal_id: string;
    /** Its files, in whole blocks. */
    stored_bytes: number;
    stored_files: number;
    /** Its documents and sessions. */
    document_bytes: number;
  };
  /** Their files are the file sets of the same ids. A session's row outlasts its files, to tell that it has expired. */
  sessions: {
    /** Order of creation. */
    serial: Generated<number>;
    id: string;
    tenant: string;
    principal_id: string;
    name: string | null;
    created_at: number;
    last_active_at: number;
    expires_at: number;
    idle_ms: number;
    life_ms: number;
    memory_bytes: number;
    ends_at: number | null;
    /** Of the dialect that made it, and what that keeps of it as JSON. */
    face: string | null;
    notes: string;
    plan: string | null;
    tier: Generated<string | null>;
    /** JSON, as the four here all are. */
    metadata: string;
    ran: string;
    kernels: string;
    folders: string;
    worker: string | null;
    epoch: number;
    /** The gateway whose turn it is, and how often that has changed. */
    holder: Generated<string | null>;
    turn: Generated<number>;
    /** What it counts in its owner's `document_bytes`. */
    size: number;
  };
  /** Executions whose files are recorded, where more than one gateway may record them; for some days. */
  recordings: {
    id: string;
    expires_at: number;
  };
  /** Saved variables of sessions, one row a kernel; their bytes are files of a set that no list shows. */
  kernel_states: {
    session_id: string;
    kernel: string;
    set_id: string;
    digest: string;
    size: number;
    saved_at: number;
    execution: string | null;
    bytes: number;
    variables: number;
    is_behind: number;
    failures: number;
  };
  documents: {
    /** Order of creation. */
    serial: Generated<number>;
    kind: string;
    id: string;
    tenant: string;
    principal_id: string;
    name: string | null;
    created_at: number;
    expires_at: number;
    /** JSON; empty when it is in parts. */
    body: string;
    /** Bytes of the body. */
    size: number;
    /** The parts that a large body is in. */
    part_set: string | null;
    part_count: number | null;
  };
  document_parts: {
    set_id: string;
    number: number;
    made_at: number;
    text: string;
  };
  api_keys: {
    id: string;
    name: string;
    hash: string;
    plan: string | null;
    /** 1: it has the right `admin`. */
    is_admin: number;
    created_at: number;
    revoked_at: number | null;
  };
  usage_days: {
    tenant: string;
    principal_id: string;
    date: string;
    executions: number;
    cpu_ms: number;
    wall_ms: number;
    bytes_stored: number;
    bytes_served: number;
  };
  leases: {
    name: string;
    holder: string;
    expires_at: number;
  };
}
