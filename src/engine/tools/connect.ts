import type { ExecutionEvent } from '../../core/index.ts';
import type { Sandbox } from '../../sandbox/index.ts';
import type { WallClock } from '../wall-clock.ts';
import type { CallBroker } from './broker.ts';

/** Lets the code that runs in a sandbox call tools. `abandon` ends it when its calls stay unanswered. */
export function connectTools(
  tools: CallBroker,
  sandbox: Sandbox,
  {
    clock,
    onEvent,
    abandon,
    mayFreeze = () => true,
  }: {
    clock: WallClock;
    onEvent?: ((event: ExecutionEvent) => void) | undefined;
    abandon(): void;
    mayFreeze?: () => boolean;
  },
): void {
  tools.connect({
    send: (order) => sandbox.link.send(order),
    async park() {
      clock.pause();
      if (mayFreeze()) await sandbox.freeze();
    },
    unpark() {
      clock.resume();
      sandbox.thaw().catch(abandon);
    },
    abandon,
    told: (calls) => onEvent?.({ type: 'tool_calls', calls }),
  });
}
