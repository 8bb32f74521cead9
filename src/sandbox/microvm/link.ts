import {
  type Aside,
  type Claim,
  type ClaimAllowance,
  encodeFrame,
  type Order,
  orders,
} from '../../guest-protocol/index.ts';
import { ClaimQueue } from '../claim-queue.ts';
import type { BulkPipes, ExitStatus, GuestLink, LinkListener } from '../port.ts';
import { MachineBulkPipes } from './bulk.ts';
import { toMachine } from './frames.ts';
import type { MachinePort, PortListener } from './port.ts';

/** More than all commands of a sandbox are granted at a time. */
const grantedBefore = 32 * 1024 * 1024;

const silent: LinkListener = { stdout() {}, stderr() {}, claim() {} };

/** The link over a machine's port. The relay sends what was written before a claim before it. */
export class MachineLink implements GuestLink, PortListener {
  /** How the sandbox's first process ended; a machine that ends before it tells is taken for killed. */
  readonly exited: Promise<ExitStatus>;
  readonly #exit: (status: ExitStatus) => void;
  readonly #port: MachinePort;
  readonly #said: ClaimQueue;
  #listener = silent;
  #attend = (_aside: Aside) => {};
  #bulk: PromiseWithResolvers<MachineBulkPipes> | undefined;
  #pipes: MachineBulkPipes | undefined;
  #isSending = true;
  #held: PromiseWithResolvers<void> | undefined;

  /** `onViolation` has to end the machine. */
  constructor(port: MachinePort, onViolation: () => void) {
    this.#port = port;
    this.#said = new ClaimQueue((said) => this.#deliver(said), onViolation);
    const { promise, resolve } = Promise.withResolvers<ExitStatus>();
    this.exited = promise;
    this.#exit = resolve;
    port.listen(this);
  }

  get violation(): string | undefined {
    return this.#said.violation;
  }

  listen(listener: LinkListener, allowance?: ClaimAllowance): void {
    this.#listener = listener;
    this.#said.allow(allowance);
  }

  attend(listener: (aside: Aside) => void): void {
    this.#attend = listener;
  }

  grant(bytes: number): void {
    this.#said.grant(bytes);
  }

  async send({ frame, body }: Order): Promise<void> {
    if (this.#bulk) await this.#bulk.promise.catch(() => {});
    else if (frame.op === 'serve' && frame.bulk) {
      this.#bulk = Promise.withResolvers();
      this.#bulk.promise.catch(() => {});
    }
    const head = encodeFrame(frame);
    if (body === undefined) await this.#write([head]);
    else if (body instanceof Uint8Array) await this.#write([head, body]);
    else {
      await this.#write([head]);
      for await (const chunk of body) await this.#write([chunk]);
    }
  }

  /** Keeps orders that are sent from now on, until `release`: the guest hears none of them. */
  hold(): void {
    this.#held ??= Promise.withResolvers();
  }

  release(): void {
    this.#held?.resolve();
    this.#held = undefined;
  }

  /** The guest goes on from a checkpoint as a supervisor: its pipes for much data are open, and commands of before may say what they were granted. */
  goOn(): void {
    this.#pipes = new MachineBulkPipes(this.#port);
    this.#bulk = Promise.withResolvers();
    this.#bulk.resolve(this.#pipes);
    this.grant(grantedBefore);
  }

  async bulk(): Promise<BulkPipes> {
    if (!this.#bulk) throw new Error('the sandbox has no pipes for much data');
    return this.#bulk.promise;
  }

  async flush(): Promise<void> {
    await this.#port.ask('flush').catch(() => {});
  }

  /** Drops what was not sent: no order matters to a sandbox that is being killed. */
  stopSending(): void {
    this.#isSending = false;
    this.release();
    this.#listener = silent;
    this.#attend = () => {};
  }

  claims(chunk: Buffer): void {
    this.#said.hear(chunk);
  }

  stdout(chunk: Buffer): void {
    if (this.#listener === silent) this.#port.unheard(chunk.length);
    this.#listener.stdout(chunk);
  }

  stderr(chunk: Buffer): void {
    if (this.#listener === silent) this.#port.unheard(chunk.length);
    this.#listener.stderr(chunk);
  }

  saved(chunk: Buffer): void {
    this.#pipes?.saved(chunk);
  }

  event(event: Parameters<PortListener['event']>[0]): void {
    if (event.event === 'exit') this.#exit({ code: event.code, signal: event.signal });
    else if (event.event === 'lost') this.#said.violate('the zygote in the machine has ended');
  }

  violate(message: string): void {
    this.#said.violate(message);
  }

  end(): void {
    this.#exit({ code: null, signal: 'SIGKILL' });
    this.#bulk?.reject(new Error('the sandbox has ended'));
    this.#pipes?.end();
  }

  async #write(parts: readonly Uint8Array[]): Promise<void> {
    while (this.#held) await this.#held.promise;
    if (this.#isSending) await this.#port.write(toMachine.command, parts);
  }

  #deliver(said: Claim | Aside): void {
    if ('aside' in said) this.#attend(said);
    else if (said.claim === 'bulk') void this.#openBulk(said.fds);
    else this.#listener.claim(said);
  }

  /** A sandbox whose pipes cannot be opened works without them. */
  async #openBulk(fds: readonly [number, number]): Promise<void> {
    if (!this.#bulk || this.#pipes) return;
    this.#pipes = new MachineBulkPipes(this.#port);
    try {
      // Ahead of the orders that wait.
      await this.#port.ask('bulk', { fds });
      await this.#write([encodeFrame(orders.opened().frame)]);
      this.#bulk.resolve(this.#pipes);
    } catch (error) {
      await this.#write([encodeFrame(orders.opened().frame)]);
      this.#bulk.reject(error);
    }
  }
}
