import { z } from 'zod';
import { commandSignals, type FileEntry } from '../../core/index.ts';
import type { CommandInfo, NewCommand } from '../../service/index.ts';
import { id, sessionParams } from './wire.ts';

/** What clients send and get about commands and files inside a sandbox. */

const longestMs = 30 * 24 * 60 * 60_000;
const side = z.int().min(1).max(1000);
const time = z.string().meta({ format: 'date-time' });

export const terminalSize = z.object({ columns: side, rows: side }).meta({ id: 'TerminalSize' });

export const commandBody = z
  .object({
    command: z.string().min(1).nullish().describe('A line for `/bin/bash -c`. This or `argv`.'),
    argv: z.array(z.string()).min(1).max(1000).nullish().describe('A program of the sandbox and its arguments.'),
    cwd: z
      .string()
      .nullish()
      .describe('Where it begins: absolute, or relative to the workspace, which is the usual one.'),
    env: z.record(z.string(), z.string()).nullish().describe('Added to the sandbox’s own environment.'),
    stdin: z.boolean().nullish().describe('Its input can be written; absent: it is empty.'),
    terminal: terminalSize.nullish().describe('It gets a terminal of this size instead of three streams.'),
    timeout_ms: z.int().positive().max(longestMs).nullish().describe('It is ended after so long.'),
    tag: z.string().max(200).nullish().describe('A name of your own.'),
  })
  .refine(({ command, argv }) => (command == null) !== (argv == null), 'needs either `command` or `argv`')
  .meta({ id: 'CommandRequest' });

export const signalBody = z.object({ signal: z.enum(commandSignals) }).meta({ id: 'SignalRequest' });

const textSide = z.coerce.number().pipe(side);
export const terminalQuery = z.object({
  cols: textSide.optional().describe('Columns; absent: 80.'),
  rows: textSide.optional().describe('Rows; absent: 24.'),
  command: z.string().min(1).optional().describe('A line for the shell; absent: the shell itself, to be typed at.'),
});
/** The text frame of a client: the terminal has another size. */
export const terminalFrame = z.object({ cols: side, rows: side });

const commandEnd = z.object({
  reason: z
    .enum(['exited', 'killed', 'timed_out', 'out_of_memory', 'sandbox_gone'])
    .describe('`killed`: by a signal that a caller sent; `sandbox_gone`: with its sandbox.'),
  exit_code: z.int().nullable(),
  signal: z.string().nullable(),
});

export const command = z
  .object({
    id,
    session_id: id,
    pid: z.int().describe('In the sandbox.'),
    argv: z.array(z.string()),
    cwd: z.string(),
    terminal: terminalSize.nullable(),
    tag: z.string().nullable(),
    state: z.enum(['running', 'ended']),
    end: commandEnd.extend({ at: time }).nullable(),
    started_at: time,
    deadline: time.describe('When it is ended.'),
  })
  .meta({ id: 'Command' });

export const commandList = z.object({ data: z.array(command) });
export const signalled = z.object({ signalled: z.boolean().describe('False: it had ended.') });

const commandId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be the id of a command, or its pid');
export const commandParams = sessionParams.extend({ command_id: commandId.describe('Its id, or its pid.') });
export const inputQuery = z.object({
  close: z.enum(['true', 'false']).optional().describe('`true`: nothing follows what the body holds.'),
});

const kind = z.enum(['file', 'directory', 'symlink', 'other']);

export const fileEntry = z
  .object({
    path: z.string().describe('Absolute.'),
    name: z.string(),
    kind: kind.describe('What is at the path itself; `other`: a pipe, a socket or a device.'),
    target: z.string().nullable().describe('The text of a symbolic link.'),
    target_kind: kind.nullable().describe('What a symbolic link leads to.'),
    size: z.int().min(0),
    mode: z.int().min(0).describe('Permission bits.'),
    modified_at: time,
    user: z.string(),
    group: z.string(),
  })
  .meta({ id: 'FileEntry' });

export const entryList = z.object({
  data: z.array(fileEntry),
  truncated: z.boolean().describe('There are more than 10 000.'),
});

const path = z.string().min(1).max(4096).describe('Absolute, or relative to the workspace.');
export const pathQuery = z.object({ path });
export const listQuery = z.object({
  path: path.optional().describe('Absent: the workspace.'),
  depth: z.coerce.number().int().min(1).max(64).optional().describe('1: its own entries, the usual one.'),
});
export const writeQuery = z.object({
  path,
  mode: z
    .string()
    .regex(/^[0-7]{3,4}$/, 'must be an octal mode')
    .optional()
    .describe('Permission bits in octal, as `755`; absent: as the file was, or 644.'),
});
export const watchQuery = z.object({
  path: path.optional().describe('A directory; absent: the workspace.'),
  recursive: z.enum(['true', 'false']).optional(),
});
export const directoryBody = z.object({ path }).meta({ id: 'DirectoryRequest' });
export const moveBody = z.object({ from: path, to: path }).meta({ id: 'MoveRequest' });

export function toCommand(body: z.output<typeof commandBody>): NewCommand {
  const { command: line, argv, cwd, env, stdin, terminal, timeout_ms: timeoutMs, tag } = body;
  return {
    argv: argv ?? ['/bin/bash', '-c', line!],
    cwd: cwd ?? undefined,
    env: env ?? undefined,
    hasInput: stdin ?? undefined,
    terminal: terminal ?? undefined,
    timeoutMs: timeoutMs ?? undefined,
    tag: tag ?? undefined,
  };
}

export function commandAnswer(info: CommandInfo): z.infer<typeof command> {
  const { id, sessionId, pid, argv, cwd, terminal, tag, ended, startedAt, deadline } = info;
  return {
    id,
    session_id: sessionId,
    pid,
    argv: [...argv],
    cwd,
    terminal,
    tag,
    state: ended ? 'ended' : 'running',
    end: ended && { reason: ended.reason, exit_code: ended.code, signal: ended.signal, at: date(ended.at) },
    started_at: date(startedAt),
    deadline: date(deadline),
  };
}

export function entryAnswer(entry: FileEntry): z.infer<typeof fileEntry> {
  const { path, name, kind, target, targetKind, size, mode, modifiedAt, user, group } = entry;
  const modified_at = date(modifiedAt);
  return { path, name, kind, target, target_kind: targetKind, size, mode, modified_at, user, group };
}

/** A sandbox may tell of any time. */
function date(ms: number): string {
  return new Date(Math.max(0, Math.min(ms, 8.64e15))).toISOString();
}
