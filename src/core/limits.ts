/** What one execution may use. Sizes in bytes, times in milliseconds. */
export interface Limits {
  /** Wall clock of the program, from its start; waiting for a sandbox is not counted. */
  wallMs: number;
  /** Memory of all the sandbox's processes and its temporary file systems together. */
  memoryBytes: number;
  /** Processes and threads alive at once. */
  processes: number;
  /** CPU cores, may be fractional. */
  cpus: number;
  /** Kept of each output stream: the first and the last half of it. */
  outputBytes: number;
  /** Written to one output stream before the program is stopped. */
  floodBytes: number;
  /** The workspace's file system. */
  workspaceBytes: number;
  workspaceFiles: number;
  /** Files kept of what a run made or changed. */
  artifacts: number;
  artifactBytes: number;
  /** Descriptors open in one process. */
  openFiles: number;
}
