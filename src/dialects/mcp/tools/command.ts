import { z } from 'zod';
import { DragomanError, planOf } from '../../../core/index.ts';
import { parse } from '../../../http/index.ts';
import type { CommandInfo } from '../../../service/index.ts';
import type { Call } from '../call.ts';
import { commandAnswer } from '../command-answer.ts';
import type { ToolAnswer } from '../content.ts';
import { type FollowedCommand, type FollowLimits, followCommand } from '../follow-command.ts';
import type { McpServices } from '../services.ts';
import { workplaceOf } from '../workplace.ts';
import { optionalFlag, optionalHandle, optionalSeconds, optionalText, required } from './arguments.ts';
import { sessionIdProperty, type Tool } from './tool.ts';

/** Hosts end a call after 60 seconds. */
const usualSeconds = 50;
/** A command in the background that fails at once is told by the call that starts it. */
const firstLookMs = 1000;
/** Long enough to read what is kept. */
const lookMs = 500;
/** How long a call waits for a command after it has ended it, or the service should have. */
const endMs = 5000;

const runArguments = z.object({
  command: required('a line for the shell'),
  cwd: optionalText,
  timeout_seconds: optionalSeconds(1),
  background: optionalFlag,
  session_id: optionalHandle,
});

export const runCommand: Tool = {
  name: 'run_command',
  rateClass: 'exec',
  isLong: true,
  definition: ({ maxWallMs }) => ({
    name: 'run_command',
    title: 'Run a shell command',
    description: [
      'Runs a line of Bash in the sandbox, beside the code of run_code and on the same files, and returns what it prints and its exit code.',
      '- Each command is a process of its own: a changed directory and shell variables do not stay.',
      '- A command that takes longer than timeout_seconds is ended. With background it goes on after this call, until it ends or the session does: use check_command.',
      '- There is no network, and no input: it cannot ask.',
    ].join('\n'),
    inputSchema: {
      type: 'object',
      properties: {
        command: { type: 'string', description: 'As make test, or grep -rn name src | head.' },
        cwd: { type: 'string', description: 'Where it begins; /mnt/data if left out.' },
        timeout_seconds: {
          type: 'integer',
          minimum: 1,
          description: `Time limit; ${Math.min(usualSeconds, maxWallMs / 1000)} if left out, at most ${maxWallMs / 1000}. In the background there is none if left out.`,
        },
        background: { type: 'boolean', default: false, description: 'Return at once and let it go on.' },
        session_id: sessionIdProperty,
      },
      required: ['command'],
    },
    annotations: {
      title: 'Run a shell command',
      readOnlyHint: false,
      destructiveHint: true,
      idempotentHint: false,
      openWorldHint: false,
    },
  }),
  async call(services, call, given) {
    const { command, cwd, timeout_seconds, background, session_id } = parse(runArguments, given);
    const { principal } = call.caller;
    const { maxWallMs, limits } = planOf(services.plans, principal);
    const asked = timeout_seconds === undefined ? undefined : timeout_seconds * 1000;
    const foregroundMs = Math.min(asked ?? usualSeconds * 1000, maxWallMs);
    const { sessionId, isNew } = await workplaceOf(services, call.caller, session_id, true);
    const info = await services.commands.start(principal, sessionId, {
      argv: ['/bin/bash', '-c', command],
      cwd,
      timeoutMs: background ? asked : foregroundMs,
    });
    const followed = background
      ? await followCommand(services.commands, info, call, { waitMs: firstLookMs, mostBytes: limits.floodBytes })
      : await toItsEnd(services, call, info, { waitMs: foregroundMs + endMs, mostBytes: limits.floodBytes });
    return commandAnswer(services, call.caller, { info, followed, isNew, isOver: !background });
  },
};

const checkArguments = z.object({
  command_id: required('the command_id of an earlier result'),
  wait_seconds: optionalSeconds(0),
  stop: optionalFlag,
  session_id: optionalHandle,
});

export const checkCommand: Tool = {
  name: 'check_command',
  rateClass: 'exec',
  isLong: true,
  definition: () => ({
    name: 'check_command',
    title: 'Wait for, or stop, a command',
    description:
      'Waits for a command in the background, and returns its output so far and, once it has ended, its exit code. With stop it ends the command. What ended commands printed is kept for some minutes.',
    inputSchema: {
      type: 'object',
      properties: {
        command_id: { type: 'string', description: 'From the result of run_command.' },
        wait_seconds: { type: 'integer', minimum: 0, default: 0, description: 'How long this call waits for its end.' },
        stop: { type: 'boolean', default: false, description: 'End the command.' },
        session_id: sessionIdProperty,
      },
      required: ['command_id'],
    },
    annotations: {
      title: 'Wait for, or stop, a command',
      readOnlyHint: false,
      destructiveHint: false,
      idempotentHint: true,
      openWorldHint: false,
    },
  }),
  async call(services, call, given): Promise<ToolAnswer> {
    const { command_id, wait_seconds = 0, stop, session_id } = parse(checkArguments, given);
    const { principal } = call.caller;
    const { sessionId } = await workplaceOf(services, call.caller, session_id, false);
    const info = await services.commands.get(principal, sessionId, command_id).catch((error) => {
      if (!(error instanceof DragomanError) || error.code !== 'not_found') throw error;
      throw new DragomanError('not_found', {
        message: 'This session has no command with this command_id, or its output is no longer kept. Run it again.',
      });
    });
    if (stop) await services.commands.signal(principal, sessionId, command_id, 'SIGKILL');
    const waitMs = stop ? endMs : Math.max(wait_seconds * 1000, lookMs);
    const { floodBytes } = planOf(services.plans, principal).limits;
    const followed = await followCommand(services.commands, info, call, { waitMs, mostBytes: floodBytes });
    return commandAnswer(services, call.caller, { info, followed, isNew: false });
  },
};

/** Follows a command that ends with its call: by its time limit, when it prints too much, or when the call is cancelled. */
async function toItsEnd(
  { commands }: Pick<McpServices, 'commands'>,
  call: Call,
  info: CommandInfo,
  limits: FollowLimits,
): Promise<FollowedCommand> {
  const { principal } = call.caller;
  let followed: FollowedCommand | undefined;
  try {
    followed = await followCommand(commands, info, call, limits);
    return followed;
  } finally {
    if (!followed?.end) await commands.signal(principal, info.sessionId, info.id, 'SIGKILL').catch(() => {});
  }
}
