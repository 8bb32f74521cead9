/** What waits for a turn, by owner. Owners have turns one after another; what one of them has waiting goes in its order. */
export class FairQueue<T> {
  /** The order of the map is the order of turns: an owner that was served goes to the end. */
  readonly #queues = new Map<string, T[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(owner: string, item: T): void {
    const queue = this.#queues.get(owner);
    if (queue) queue.push(item);
    else this.#queues.set(owner, [item]);
    this.#size++;
  }

  /** Everything in the order in which it will be served. */
  *inTurn(): Generator<T> {
    const queues = [...this.#queues.values()];
    for (let round = 0, left = true; left; round++) {
      left = false;
      for (const queue of queues) {
        if (round < queue.length) yield queue[round]!;
        if (round + 1 < queue.length) left = true;
      }
    }
  }

  /** Takes out what is next, of what is wanted. */
  shift(isWanted: (item: T) => boolean = () => true): T | undefined {
    for (const [owner, queue] of this.#queues) {
      const at = queue.findIndex(isWanted);
      if (at < 0) continue;
      const [item] = queue.splice(at, 1);
      this.#queues.delete(owner);
      if (queue.length > 0) this.#queues.set(owner, queue);
      this.#size--;
      return item;
    }
    return undefined;
  }
}
