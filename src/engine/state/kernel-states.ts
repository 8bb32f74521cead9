import { newId, type StateLoss, type StateReport, stateReportOf } from '../../core/index.ts';
import { type Claim, cellAllowance, type GuestKernel, orders } from '../../guest-protocol/index.ts';
import type { LinkListener, Sandbox } from '../../sandbox/index.ts';
import type { Wakefulness } from '../wakefulness.ts';
import { whenExited } from '../when-exited.ts';
import { stateStream } from './load.ts';
import type { RestoreStateOptions, SaveStateOptions } from './options.ts';
import { type KernelState, saveState } from './save.ts';

/** The guest keeps its deadline itself; a stream that goes on so much longer is given up. */
const graceMs = 2000;

const silent: LinkListener = { stdout() {}, stderr() {}, claim() {} };

/** Saves and restores the variables of one sandbox's kernels over its bulk pipes. */
export class KernelStates {
  readonly #sandbox: Sandbox;
  readonly #wake: Wakefulness;
  /** A cell or an order of the session listens to the guest. */
  readonly #isListening: () => boolean;
  /** The fork of a save that was given up may write until then. */
  #quietAt = 0;
  #isSaving = false;

  constructor(sandbox: Sandbox, wake: Wakefulness, isListening: () => boolean) {
    this.#sandbox = sandbox;
    this.#wake = wake;
    this.#isListening = isListening;
  }

  /** See `EngineSession.saveState`. */
  async save(kernel: string, { deadlineMs, maxBytes, put }: SaveStateOptions): Promise<KernelState | StateLoss> {
    if (this.#isSaving || performance.now() < this.#quietAt) return unavailable('Another save is under way.');
    if (this.#isListening()) return unavailable('Code runs.');
    this.#isSaving = true;
    const token = newId();
    const stopped = new AbortController();
    let isLate = false;
    const giveUp = () => {
      isLate = true;
      stopped.abort();
    };
    const timer = setTimeout(giveUp, deadlineMs + graceMs);
    try {
      const pipes = await this.#sandbox.link.bulk();
      await this.#wake.stop();
      pipes.discard();
      // A cell that has begun meanwhile is not disturbed: the kernel reads this order after it.
      if (!this.#isListening()) this.#hearRefusal(token, stopped);
      void this.#sandbox.link.send(orders.snapshot(token, kernel, { deadlineMs, maxBytes }));
      this.#quietAt = performance.now() + deadlineMs + graceMs;
      await this.#wake.resume();
      await this.#wake.hold();
      try {
        const state = await saveState(pipes.read(stopped.signal), { token, maxBytes, put });
        if (!('reason' in state)) this.#quietAt = 0;
        // The kernel has not broken it off: we have.
        else if (isLate && state.reason === 'broken') return late(deadlineMs);
        return state;
      } finally {
        await this.#wake.leave();
      }
    } catch {
      return unavailable('The sandbox has ended, or has no way to save the kernel.');
    } finally {
      clearTimeout(timer);
      this.#isSaving = false;
    }
  }

  /** See `EngineSession.restoreState`. Between cells. */
  async restore(
    guest: GuestKernel,
    state: KernelState,
    { deadlineMs, open, signal }: RestoreStateOptions,
  ): Promise<StateReport | StateLoss> {
    const token = newId();
    const stopped = new AbortController();
    const { promise: ended, resolve: end } = Promise.withResolvers<StateReport | StateLoss>();
    const timer = setTimeout(
      () => end({ reason: 'deadline', message: `Restoring took longer than ${deadlineMs} ms.` }),
      deadlineMs,
    );
    const cancel = () => end({ reason: 'failed', message: 'The execution was cancelled.' });
    signal.addEventListener('abort', cancel, { once: true });
    const forget = whenExited(this.#sandbox, () => end(unavailable('The sandbox ended while it restored.')));
    try {
      const pipes = await this.#sandbox.link.bulk();
      const before = await this.#sandbox.usage();
      this.#sandbox.link.listen({ ...silent, claim: hearRestore(token, end) }, cellAllowance);
      await this.#wake.hold();
      void this.#sandbox.link.send(orders.restore(token, guest));
      // What the kernel has not read when it answers is of no use to it.
      pipes.write(stateStream(state, open), stopped.signal).catch((error: Error) => {
        if (!stopped.signal.aborted) end({ reason: 'broken', message: `${error.message}.` });
      });
      const restored = await ended;
      if (!('reason' in restored)) return restored;
      const isOutOfMemory = (await this.#sandbox.usage()).oomKills > before.oomKills;
      return isOutOfMemory ? { reason: 'memory', message: 'The variables did not fit into the memory.' } : restored;
    } catch {
      return unavailable('The sandbox has no way to restore the kernel.');
    } finally {
      stopped.abort();
      clearTimeout(timer);
      forget();
      signal.removeEventListener('abort', cancel);
      this.#sandbox.link.listen(silent);
      await this.#wake.leave();
    }
  }

  /** Ends the wait for a stream that will not come. */
  #hearRefusal(token: string, stopped: AbortController): void {
    this.#sandbox.link.listen({
      ...silent,
      claim(claim) {
        if (claim.claim === 'done' && claim.token === token && claim.code !== 0) stopped.abort();
      },
    });
  }
}

/** Hears the end of a restore. All of it is the kernel's word. */
function hearRestore(token: string, end: (state: StateReport | StateLoss) => void): (claim: Claim) => void {
  let report: StateReport | undefined;
  return (claim) => {
    if (!('token' in claim) || claim.token !== token) return;
    if (claim.claim === 'event' && claim.event.event === 'restored') report ??= stateReportOf(claim.event.report);
    if (claim.claim !== 'done') return;
    if (claim.code === 0 && claim.interpreter === 'kept' && report) end(report);
    else end({ reason: 'failed', message: 'The kernel could not take its variables in.' });
  };
}

function unavailable(message: string): StateLoss {
  return { reason: 'unavailable', message };
}

function late(deadlineMs: number): StateLoss {
  return { reason: 'deadline', message: `Saving took longer than ${deadlineMs} ms.` };
}
