import {
  type Aside,
  type Claim,
  type ClaimAllowance,
  encodeFrame,
  type Order,
  orders,
} from '../../../guest-protocol/index.ts';
import { ClaimQueue } from '../../claim-queue.ts';
import type { BulkPipes, GuestLink, LinkListener } from '../../port.ts';
import { CommandPipe } from './command-pipe.ts';
import { OutputPipe } from './output-pipe.ts';

/** Descriptors of our ends of a sandbox's four pipes. */
export interface PipeEnds {
  readonly command: number;
  readonly claims: number;
  readonly stdout: number;
  readonly stderr: number;
}

/** Pipes for much data that the link closes. */
export interface OpenedBulkPipes extends BulkPipes {
  close(): void;
}

/** Orders after which code of the user's may write. */
const startOrders: ReadonlySet<string> = new Set(['run', 'serve']);
/** Orders that a user's program waits for. They leave at once: what else a turn has to do is done while the program begins. */
const urgentOrders: ReadonlySet<string> = new Set(['run', 'program']);
/**
 * Output of a program that ends sooner is read with its end; of others after each of these times, and from the last one on as it comes: that
 * takes streams.
 */
const looksMs = [12, 24, 40];

/** More than all commands of a sandbox are granted at a time. */
const grantedBefore = 32 * 1024 * 1024;

const silent: LinkListener = { stdout() {}, stderr() {}, claim() {} };

/**
 * The link over four pipes. Whatever was written before a claim is in the output pipes when the claim is read, so reading them
 * empty before the claim is delivered keeps the order.
 */
export class PipeLink implements GuestLink {
  /** Resolves when no writer is left and everything has been delivered. */
  readonly ended: Promise<unknown>;
  readonly #command: CommandPipe;
  readonly #claims: OutputPipe;
  readonly #outputs: readonly OutputPipe[];
  readonly #said: ClaimQueue;
  /** Code of the user may run, or have run. */
  #isStarted = false;
  /** A program of the image has been started ahead of need, which may say something of its own, as a warning. */
  #hasOtherWords = false;
  #watching: NodeJS.Timeout | undefined;
  #listener = silent;
  readonly #makeBulk: (fds: readonly [number, number]) => OpenedBulkPipes;
  /** The pipes for much data, from the order that asks for them on. Other orders wait until it settles. */
  #bulk: PromiseWithResolvers<OpenedBulkPipes> | undefined;
  #isBulkOpen = false;
  #attend = (_aside: Aside) => {};

  /**
   * Takes over the descriptors.
   * @param openBulk opens the pipes for much data, of which the guest has these descriptors
   * @param onViolation has to end the sandbox
   */
  constructor(
    { command, claims, stdout, stderr }: PipeEnds,
    openBulk: (fds: readonly [number, number]) => OpenedBulkPipes,
    onViolation: () => void,
  ) {
    this.#makeBulk = openBulk;
    this.#said = new ClaimQueue((said) => this.#deliver(said), onViolation);
    this.#command = new CommandPipe(command);
    this.#claims = new OutputPipe(claims, (chunk) => this.#said.hear(chunk));
    this.#claims.watch();
    this.#outputs = [
      new OutputPipe(stdout, (chunk) => this.#listener.stdout(chunk)),
      new OutputPipe(stderr, (chunk) => this.#listener.stderr(chunk)),
    ];
    void this.#claims.ended.then(() => {
      for (const pipe of this.#outputs) pipe.finish();
      this.#bulk?.reject(new Error('the sandbox has ended'));
    });
    this.ended = Promise.all([this.#claims, ...this.#outputs].map((pipe) => pipe.ended));
  }

  /** What the sandbox said that is no claim, or too much. */
  get violation(): string | undefined {
    return this.#said.violation;
  }

  listen(listener: LinkListener, allowance?: ClaimAllowance): void {
    // What was written to the listener before is not for this one. Before code of the user's runs, one hears why a fork failed.
    if (this.#isStarted) for (const pipe of this.#outputs) pipe.drain();
    this.#listener = listener;
    this.#said.allow(allowance);
  }

  attend(listener: (aside: Aside) => void): void {
    this.#attend = listener;
  }

  grant(bytes: number): void {
    this.#said.grant(bytes);
  }

  send(order: Order): Promise<void> {
    const { op } = order.frame;
    if (op === 'park') this.#hasOtherWords = 'argv' in order.frame;
    if (startOrders.has(op)) this.#begin();
    const sent = this.#send(order);
    if (urgentOrders.has(op)) this.push();
    return sent;
  }

  async #send({ frame, body }: Order): Promise<void> {
    // Nothing of the user may run in the sandbox before its pipes are open.
    if (this.#bulk) await this.#bulk.promise.catch(() => {});
    else if (frame.op === 'serve' && frame.bulk) this.#awaitBulk();
    const head = encodeFrame(frame);
    if (body === undefined) await this.#command.write([head]);
    else if (body instanceof Uint8Array) await this.#command.write([head, body]);
    else {
      await this.#command.write([head]);
      for await (const chunk of body) await this.#command.write([chunk]);
    }
  }

  /** Orders leave together when the turn that sends them is over; with this they leave now. */
  push(): void {
    this.#command.flush();
  }

  /** Keeps orders that are sent from now on, until `release`: the guest hears none of them. */
  hold(): void {
    this.#command.hold();
  }

  release(): void {
    this.#command.release();
  }

  /** The guest goes on from a checkpoint as a supervisor: its pipes for much data are open, and commands of before may say what they were granted. */
  goOn(): void {
    this.#awaitBulk();
    this.#isBulkOpen = true;
    this.#bulk!.resolve(this.#makeBulk([0, 0]));
    this.grant(grantedBefore);
    this.#begin();
  }

  async bulk(): Promise<BulkPipes> {
    if (!this.#bulk) throw new Error('the sandbox has no pipes for much data');
    return this.#bulk.promise;
  }

  async flush(): Promise<void> {
    this.#claims.drain();
    for (const pipe of this.#outputs) pipe.drain();
  }

  /**
   * The sandbox is being killed, or has ended: no order matters to it, and nobody hears what it still says. Its ends are not waited for,
   * which would take a stream for each pipe. Idempotent.
   */
  close(): void {
    clearTimeout(this.#watching);
    this.#listener = silent;
    this.#attend = () => {};
    this.#command.close();
    for (const pipe of [this.#claims, ...this.#outputs]) pipe.close();
    void this.#bulk?.promise.then(
      (pipes) => pipes.close(),
      () => {},
    );
  }

  #deliver(said: Claim | Aside): void {
    if ('aside' in said) {
      this.#attend(said);
      return;
    }
    if (this.#isStarted) this.#drain(said.claim === 'done' ? said.left : undefined);
    if (said.claim === 'bulk') this.#openBulk(said.fds);
    else this.#listener.claim(said);
  }

  /**
   * @param left what the guest says to be in each pipe: a read that finds nothing is an error, and costs as much. A false word costs its own
   * program's output, which a freeze may yet bring.
   */
  #drain(left?: readonly number[]): void {
    for (const [at, pipe] of this.#outputs.entries()) if (left?.[at] !== 0) pipe.drain();
  }

  #awaitBulk(): void {
    this.#bulk = Promise.withResolvers();
    this.#bulk.promise.catch(() => {});
  }

  /** A sandbox whose pipes cannot be opened works without them. */
  #openBulk(fds: readonly [number, number]): void {
    if (!this.#bulk || this.#isBulkOpen) return;
    this.#isBulkOpen = true;
    try {
      this.#bulk.resolve(this.#makeBulk(fds));
    } catch (error) {
      this.#bulk.reject(error);
    }
    // Ahead of the orders that wait.
    void this.#command.write([encodeFrame(orders.opened().frame)]);
  }

  /** From now on code of the user may write. Idempotent. */
  #begin(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    if (this.#hasOtherWords) this.#dropWritten();
    this.#lookLater(0);
  }

  /** What has been written until now is not the user's: nobody hears it. */
  #dropWritten(): void {
    const listener = this.#listener;
    this.#listener = silent;
    for (const pipe of this.#outputs) pipe.drain();
    this.#listener = listener;
  }

  #lookLater(look: number): void {
    const isLast = look === looksMs.length - 1;
    this.#watching = setTimeout(() => {
      for (const pipe of this.#outputs) {
        if (isLast) pipe.watch();
        else pipe.drain();
      }
      if (!isLast) this.#lookLater(look + 1);
    }, looksMs[look]);
  }
}
