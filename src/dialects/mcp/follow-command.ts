import { type CommandEnd, DragomanError } from '../../core/index.ts';
import type { CommandInfo, Commands } from '../../service/index.ts';
import type { Call } from './call.ts';
import { Printed, reportsOf } from './printed.ts';

/** How a call left a command. */
export interface FollowedCommand {
  /** What it has printed, both streams together, shortened. */
  readonly printed: string;
  readonly stdout: string;
  readonly stderr: string;
  /** Undefined: it goes on. */
  readonly end: CommandEnd | undefined;
  /** It printed more than a call reads. */
  readonly isTooMuch: boolean;
  /** Paths of the workspace that the session has now. */
  readonly changed: readonly string[];
}

export interface FollowLimits {
  /** The call leaves the command after so long. */
  readonly waitMs: number;
  /** The call leaves a command that prints more. */
  readonly mostBytes: number;
}

/** What a command left is recorded in this time, or the answer does not tell of it. */
const recordMs = 10_000;

/**
 * Waits for a command, and reports its last printed line every second.
 * @throws DragomanError cancelled when the caller cancels
 */
export async function followCommand(
  commands: Pick<Commands, 'events'>,
  info: CommandInfo,
  { caller: { principal }, signal, report }: Call,
  { waitMs, mostBytes }: FollowLimits,
): Promise<FollowedCommand> {
  const { sessionId, id } = info;
  const printed = new Printed();
  const apart = { stdout: new Printed(), stderr: new Printed() };
  const late = new AbortController();
  let timer = setTimeout(() => late.abort(), waitMs);
  const endReports = reportsOf(report, printed, () => 'running');
  let [bytes, end, changed]: [number, CommandEnd | undefined, readonly string[]] = [0, undefined, []];
  try {
    const events = commands.events(principal, sessionId, id, 0, AbortSignal.any([signal, late.signal]));
    for await (const { event } of events) {
      if (event.type === 'output') {
        const stream = event.stream === 'stderr' ? 'stderr' : 'stdout';
        bytes += event.data.length;
        if (bytes > mostBytes) break;
        printed.add(stream, event.data);
        apart[stream].add(stream, event.data);
      } else if (event.type === 'dropped') printed.gap(event.bytes);
      else if (event.type === 'ended') {
        end = event.end;
        clearTimeout(timer);
        timer = setTimeout(() => late.abort(), recordMs);
      } else changed = event.changed;
    }
  } finally {
    clearTimeout(timer);
    endReports();
  }
  if (signal.aborted) throw new DragomanError('cancelled');
  return {
    printed: printed.text(),
    stdout: apart.stdout.text(),
    stderr: apart.stderr.text(),
    end,
    isTooMuch: bytes > mostBytes,
    changed,
  };
}
