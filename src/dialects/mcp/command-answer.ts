import { headAndTail } from '../../agent/index.ts';
import type { StoredFile } from '../../core/index.ts';
import type { CommandInfo } from '../../service/index.ts';
import type { Caller } from './call.ts';
import { downloadNotes, linksTo, sessionNote, type ToolAnswer, textBlock } from './content.ts';
import type { FollowedCommand } from './follow-command.ts';
import type { McpServices } from './services.ts';
import { fileUri } from './uris.ts';

/** Of each stream in the part for programs. */
const streamCharacters = 64 * 1024;
const mostNamed = 50;

export interface CommandAnswer {
  readonly info: CommandInfo;
  readonly followed: FollowedCommand;
  readonly isNew: boolean;
  /** It ends with the call. */
  readonly isOver?: boolean;
}

/** What a call answers about a command that is over, or goes on. */
export async function commandAnswer(
  { sessions, mcp }: Pick<McpServices, 'sessions' | 'mcp'>,
  caller: Caller,
  { info, followed, isNew, isOver }: CommandAnswer,
): Promise<ToolAnswer> {
  const { id, sessionId } = info;
  const { printed, end, changed } = followed;
  const made = await filesOf(sessions, caller, sessionId, changed);
  const lines = [
    ...(printed === '' ? [] : [headAndTail(printed.replace(/\n$/, ''), mcp.shownChars)]),
    end || isOver
      ? `[${endingOf(followed, (info.deadline - info.startedAt) / 1000)}]`
      : `[Command ${id} runs in the background. Call check_command with this command_id to wait for it, or with stop to end it.]`,
    ...(made.length > 0 ? [`[Files written: ${named(made)}]`] : []),
    ...downloadNotes(made, caller),
    sessionNote(sessionId, isNew),
  ];
  return {
    content: [textBlock(lines.join('\n')), ...linksTo(made, caller)],
    _meta: {
      'dragoman/command': {
        session_id: sessionId,
        command_id: id,
        status: end || isOver ? 'done' : 'running',
        exit_code: end?.code ?? null,
        signal: end?.signal ?? null,
        reason: end?.reason ?? null,
        stdout: headAndTail(followed.stdout, streamCharacters),
        stderr: headAndTail(followed.stderr, streamCharacters),
        files: made.map(({ name, size, contentType }) => ({
          path: name,
          uri: fileUri(sessionId, name),
          size,
          mime: contentType,
        })),
      },
    },
  };
}

function endingOf({ end, isTooMuch }: FollowedCommand, seconds: number): string {
  if (!end) return isTooMuch ? 'Stopped: too much output. Send it to a file.' : 'Stopped: it did not end in time.';
  const { reason, code, signal } = end;
  switch (reason) {
    case 'timed_out':
      return `Stopped at the time limit of ${Math.round(seconds)} s. Set timeout_seconds, or background for what goes on longer.`;
    case 'out_of_memory':
      return 'Stopped: out of memory.';
    case 'sandbox_gone':
      return 'Stopped: its sandbox ended.';
    default:
      return code === null ? `Ended by ${signal}.` : `Exit code ${code}.`;
  }
}

/** The files of these paths that are there still. */
async function filesOf(
  sessions: Pick<McpServices['sessions'], 'files'>,
  { principal }: Caller,
  sessionId: string,
  paths: readonly string[],
): Promise<StoredFile[]> {
  if (paths.length === 0) return [];
  const wanted = new Set(paths);
  return (await sessions.files(principal, sessionId)).filter(({ name }) => wanted.has(name));
}

/** Programs choose these names: they stay on their line. */
function named(files: readonly StoredFile[]): string {
  const names = files.slice(0, mostNamed).map(({ name, size }) => `/mnt/data/${name} (${size} bytes)`);
  const more = files.length - names.length;
  const list = headAndTail(names.join(', ').replace(/\p{Cc}/gu, '?'), 4000);
  return list + (more > 0 ? ` and ${more} more` : '');
}
