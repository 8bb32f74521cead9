type Closer = () => Promise<void> | void;

/** What has been started, to be closed in the opposite order. */
export class Lifetime {
  readonly #closers: Closer[] = [];

  /** Closes this before everything that was added earlier. */
  add(closer: Closer): void {
    this.#closers.push(closer);
  }

  /** Closes everything, also after a part that cannot be closed. @throws the first error of these */
  async close(): Promise<void> {
    const faults: unknown[] = [];
    for (const closer of this.#closers.splice(0).reverse()) {
      try {
        await closer();
      } catch (error) {
        // A database that refuses the last numbers is no reason to leave sandboxes behind.
        faults.push(error);
      }
    }
    if (faults.length > 0) throw faults[0];
  }
}
