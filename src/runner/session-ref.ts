/** Which session, on which worker. A worker refuses an epoch older than the one it has seen, and gives up a sandbox of an older one. */
export interface SessionRef {
  readonly id: string;
  readonly epoch: number;
  readonly worker: string;
}
