import type { CommandSignal, TerminalSize, ToolResult } from '../../core/index.ts';
import type {
  CommandOrder,
  CommandRef,
  FileQuestion,
  Runner,
  SessionOrder,
  SessionRef,
  StateSave,
} from '../../runner/index.ts';
import type { Operation } from '../calls/call-desk.ts';
import { toLines } from '../calls/lines.ts';

const call = <A>(run: (args: A) => Promise<unknown>): Operation => ({
  kind: 'call',
  run: run as (args: never) => Promise<unknown>,
});

/** A stream of values. What makes them is told by `signal` that the gateway has left. */
const stream = <A>(open: (args: A, signal: AbortSignal) => Promise<AsyncIterable<unknown> | null>): Operation => ({
  kind: 'read',
  async run(args: never) {
    const left = new AbortController();
    const values = await open(args, left.signal);
    return values && { head: null, bytes: toLines(values), left: () => left.abort() };
  },
});

/** The operations of a runner that concern one worker: `ClusterRunner` asks for each by its name. */
export function runnerOperations(runner: Runner): Record<string, Operation> {
  const { commands, sandboxFiles } = runner;
  return {
    languages: call(() => runner.languages()),
    versions: call(() => runner.versions()),
    fault: call(() => runner.fault()),
    census: call(() => runner.census()),
    checkAnswer: call(({ job, results }: { job: string; results: ToolResult[] }) => runner.checkAnswer(job, results)),
    answer: call(({ job, results }: { job: string; results: ToolResult[] }) => runner.answer(job, results)),
    interrupt: call(({ job }: { job: string }) => runner.interrupt(job)),
    cancel: call(({ job }: { job: string }) => runner.cancel(job)),
    sessions: call((sessions: SessionRef[]) => runner.sessions(sessions)),
    usageNow: call((session: SessionRef) => runner.usageNow(session)),
    keep: call(({ session, idleMs }: { session: SessionRef; idleMs: number }) => runner.keepSession(session, idleMs)),
    sync: call((args: Parameters<Runner['syncSession']>) => runner.syncSession(...args)),
    endKernels: call(({ session, kernels }: { session: SessionRef; kernels: string[] | null }) =>
      runner.endKernels(session, kernels),
    ),
    saveStates: call(({ session, save }: { session: SessionRef; save: StateSave }) => runner.saveStates(session, save)),
    close: call((session: SessionRef) => runner.dropSession(session)),
    open: call((order: SessionOrder) => runner.openSession(order)),
    collect: call((args: Parameters<Runner['collect']>) => runner.collect(...args)),
    'command-start': call(({ session, owner, order }: { session: SessionRef; owner: string; order: CommandOrder }) =>
      commands.start(session, owner, order),
    ),
    'command-list': call((session: SessionRef) => commands.list(session)),
    'command-events': stream(async ({ command, after }: { command: CommandRef; after: number }, signal) =>
      commands.events(command, after, signal),
    ),
    'command-last': call((command: CommandRef) => commands.last(command)),
    'command-ended': call((command: CommandRef) => commands.ended(command)),
    'command-write': call(({ command, base64 }: { command: CommandRef; base64: string }) =>
      commands.write(command, base64),
    ),
    'command-close-input': call((command: CommandRef) => commands.closeInput(command)),
    'command-signal': call(({ command, signal }: { command: CommandRef; signal: CommandSignal }) =>
      commands.signal(command, signal),
    ),
    'command-resize': call(({ command, size }: { command: CommandRef; size: TerminalSize }) =>
      commands.resize(command, size),
    ),
    'command-delete': call((command: CommandRef) => commands.delete(command)),
    'file-ask': call(({ session, question }: { session: SessionRef; question: FileQuestion }) =>
      sandboxFiles.ask(session, question),
    ),
    'file-read': {
      kind: 'read',
      async run({
        session,
        path,
        range,
      }: {
        session: SessionRef;
        path: string;
        range: Parameters<typeof sandboxFiles.read>[2];
      }) {
        const read = await sandboxFiles.read(session, path, range);
        return read && { head: { entry: read.entry, size: read.size }, bytes: read.bytes };
      },
    } as Operation,
    'file-write': {
      kind: 'write',
      run({ session, path, mode }: { session: SessionRef; path: string; mode: number | null }, content) {
        return sandboxFiles.write(session, path, content, mode);
      },
    } as Operation,
    'file-watch': stream(
      ({ session, path, recursive }: { session: SessionRef; path: string; recursive: boolean }, signal) =>
        sandboxFiles.watch(session, path, recursive, signal),
    ),
  };
}
