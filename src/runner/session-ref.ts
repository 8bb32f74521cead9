/** Which session, on which worker. A worker refuses an epoch older than the one it has seen, and gives up a sandbox of an older one. */
export interface SessionRef {
  readonly id: string;
  readonly epoch: number;
  readonly worker: string;
  /** Which turn of several gateways: a worker refuses jobs of an earlier one than it has seen. Absent: there is one gateway. */
  readonly turn?: number | undefined;
}
