/** Contents that the bytes of a store belong to, and the holds that keep them. */
export interface ContentRecords {
  /**
   * Records a content, if it is new, and a hold that keeps it. Comes before its bytes get their place.
   * @param hold.expiresAt when the hold ends by itself, milliseconds since the epoch
   * @returns false while the content is being deleted: nothing is recorded, ask again
   */
  hold(
    content: { readonly digest: string; readonly size: number },
    hold: { readonly id: string; readonly expiresAt: number },
  ): Promise<boolean>;
  /** Gives holds another end; unknown ones are fine. */
  renew(holds: readonly string[], expiresAt: number): Promise<void>;
  /** Ends holds; unknown ones are fine. Contents without another reference become orphans at once. */
  release(holds: readonly string[], now: number): Promise<void>;
  /**
   * Marks some contents that neither a file nor a hold refers to as being deleted, those of an interrupted deletion among
   * them. Their bytes are to be deleted next, then `forget` to be called. `more`: there may be others.
   */
  claimOrphans(now: number): Promise<{ readonly digests: readonly string[]; readonly more: boolean }>;
  /** Whether `claimOrphans` would look at any content. */
  areDue(now: number): Promise<boolean>;
  /** Those of these digests that are recorded. */
  recorded(digests: readonly string[]): Promise<string[]>;
  /** Removes the records of contents whose bytes are deleted. */
  forget(digests: readonly string[]): Promise<void>;
}
