/** One thing that isolation needs, or could use, of the host. */
export interface HostCheck {
  readonly name: string;
  /** `missing` stops the service; `absent` only means that something stronger is not possible here. */
  readonly state: 'present' | 'missing' | 'absent';
  readonly detail: string;
}

/** What the host offers to a backend, and what the backend lacks on it. */
export interface HostReport {
  readonly checks: readonly HostCheck[];
  readonly usable: boolean;
}
