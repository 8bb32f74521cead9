import { type Claim, type Order, orders } from '../../../src/guest-protocol/index.ts';
import type { Sandbox } from '../../../src/sandbox/index.ts';
import { type Deed, shellOf } from './deeds.ts';

/** What a sandbox has said, in the order of its delivery. */
export class Transcript {
  readonly said: (string | Claim['claim'])[] = [];
  readonly claims: Claim[] = [];
  stdout = '';
  stderr = '';
  readonly #waiting = new Set<() => void>();

  constructor(sandbox: Sandbox) {
    sandbox.link.listen({
      stdout: (chunk) => this.#note('stdout', () => (this.stdout += Buffer.from(chunk).toString())),
      stderr: (chunk) => this.#note('stderr', () => (this.stderr += Buffer.from(chunk).toString())),
      claim: (claim) => this.#note(claim.claim, () => this.claims.push(claim)),
    });
    void sandbox.exited.then(() => this.#note('exited', () => {}));
  }

  /** Resolves with a claim of this kind, once it has come. */
  async heard<T extends Claim['claim']>(kind: T): Promise<Extract<Claim, { claim: T }>> {
    const find = () => this.claims.find((claim) => claim.claim === kind) as Extract<Claim, { claim: T }> | undefined;
    await this.until(() => find() !== undefined);
    return find()!;
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  #note(kind: string, keep: () => void): void {
    keep();
    if (this.said.at(-1) !== kind) this.said.push(kind);
    for (const go of this.#waiting) go();
    this.#waiting.clear();
  }
}

/** Starts a program of the suite. */
export function start(sandbox: Sandbox, deeds: readonly Deed[], before: readonly Order[] = []): Transcript {
  const transcript = new Transcript(sandbox);
  void sendAll(sandbox, [...before, orders.run('token', { kind: 'program', argv: shellOf(deeds), env: {} })]);
  return transcript;
}

async function sendAll(sandbox: Sandbox, all: readonly Order[]): Promise<void> {
  for (const order of all) await sandbox.link.send(order);
}
