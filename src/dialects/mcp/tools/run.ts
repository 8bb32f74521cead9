import { z } from 'zod';
import { DragomanError } from '../../../core/index.ts';
import { parse } from '../../../http/index.ts';
import type { RunningExecution } from '../../../service/index.ts';
import type { Call } from '../call.ts';
import type { ToolAnswer } from '../content.ts';
import { follow } from '../follow.ts';
import { cancelledAnswer, finishedAnswer, runningAnswer } from '../run-answer.ts';
import type { McpServices } from '../services.ts';
import { workplaceOf } from '../workplace.ts';
import { optionalFlag, optionalHandle, optionalSeconds, optionalText, required } from './arguments.ts';
import { sessionIdProperty, type Tool, type ToolSurroundings } from './tool.ts';

/** Hosts end a call after 60 seconds, unless progress tells them to wait. */
const usualWaitMs = 50_000;
const stopWaitMs = 5_000;

const runArguments = z.object({
  code: required('the source text'),
  language: optionalText,
  session_id: optionalHandle,
  timeout_seconds: optionalSeconds(1),
  wait_seconds: optionalSeconds(0),
});

export const runCode: Tool = {
  name: 'run_code',
  rateClass: 'exec',
  isLong: true,
  definition: (about) => ({
    name: 'run_code',
    title: 'Run code in a sandbox',
    description: describeRun(about),
    inputSchema: {
      type: 'object',
      properties: {
        code: { type: 'string', description: 'Source text, without Markdown fences.' },
        language: {
          type: 'string',
          enum: about.languages.map(({ name }) => name),
          default: 'python',
          description: 'Language of the code.',
        },
        session_id: sessionIdProperty,
        timeout_seconds: {
          type: 'integer',
          minimum: 1,
          description: `Time limit of the run; ${about.wallMs / 1000} if left out, at most ${about.maxWallMs / 1000}.`,
        },
        wait_seconds: {
          type: 'integer',
          minimum: 0,
          default: usualWaitMs / 1000,
          description: 'How long this call waits. A run that takes longer goes on: get its result with check_run.',
        },
      },
      required: ['code'],
    },
    annotations: {
      title: 'Run code in a sandbox',
      readOnlyHint: false,
      destructiveHint: false,
      idempotentHint: false,
      openWorldHint: false,
    },
  }),
  async call(services, call, given) {
    const { code, language = 'python', session_id, timeout_seconds, wait_seconds } = parse(runArguments, given);
    const { principal } = call.caller;
    const { sessionId, isNew } = await workplaceOf(services, call.caller, session_id, true);
    const wallMs = timeout_seconds && timeout_seconds * 1000;
    const running = await services.executions.start(principal, { sessionId, language, code, wallMs });
    return answered(services, call, running, { wait: wait_seconds, wallMs, isNew });
  },
};

const checkArguments = z.object({
  run_id: required('the run_id of an earlier result'),
  wait_seconds: optionalSeconds(0),
  stop: optionalFlag,
});

export const checkRun: Tool = {
  name: 'check_run',
  rateClass: 'exec',
  isLong: true,
  definition: () => ({
    name: 'check_run',
    title: 'Wait for, or stop, a run',
    description:
      'Waits for a run that run_code left running, and returns its result, or all output so far if it goes on. With stop it ends the run; variables and files stay. Results are kept for some minutes.',
    inputSchema: {
      type: 'object',
      properties: {
        run_id: { type: 'string', description: 'From the result of run_code.' },
        wait_seconds: {
          type: 'integer',
          minimum: 0,
          default: usualWaitMs / 1000,
          description: 'How long this call waits.',
        },
        stop: { type: 'boolean', default: false, description: 'End the run.' },
      },
      required: ['run_id'],
    },
    annotations: {
      title: 'Wait for, or stop, a run',
      readOnlyHint: false,
      destructiveHint: false,
      idempotentHint: true,
      openWorldHint: false,
    },
  }),
  async call(services, call, given) {
    const { run_id, wait_seconds, stop } = parse(checkArguments, given);
    const running = await services.executions.find(call.caller.principal, run_id).catch((error) => {
      if (!(error instanceof DragomanError) || error.code !== 'not_found') throw error;
      throw new DragomanError('not_found', {
        message: 'There is no run with this run_id, or its result is no longer kept. Run the code again.',
      });
    });
    if (stop) running.cancel();
    const wait = stop ? stopWaitMs / 1000 : wait_seconds;
    return answered(services, call, running, { wait, isNew: false, keepsRunning: true });
  },
};

interface Waiting {
  /** Seconds; undefined: as long as the client lets a call take. */
  readonly wait: number | undefined;
  readonly wallMs?: number | undefined;
  readonly isNew: boolean;
  /** The run is not this call's own: cancelling the call leaves it running. */
  readonly keepsRunning?: true;
}

/** Waits for a run and answers about it. A run whose call is cancelled is cancelled. */
async function answered(
  services: McpServices,
  call: Call,
  running: RunningExecution,
  { wait, wallMs, isNew, keepsRunning }: Waiting,
): Promise<ToolAnswer> {
  const { signal, report } = call;
  const waitMs = wait === undefined ? (report ? undefined : usualWaitMs) : wait * 1000;
  const cancel = () => {
    if (!keepsRunning) running.cancel();
  };
  if (signal.aborted) cancel();
  signal.addEventListener('abort', cancel, { once: true });
  const started = performance.now();
  try {
    const followed = await follow(running, call, waitMs);
    if ('execution' in followed)
      return await finishedAnswer(services, call.caller, followed.execution, { wallMs, isNew });
    return runningAnswer(services, running, followed.soFar, Math.round((performance.now() - started) / 1000));
  } catch (error) {
    const isCancelled = error instanceof DragomanError && error.code === 'cancelled';
    // Someone else ended it, by check_run for example.
    if (isCancelled && !signal.aborted) return cancelledAnswer(running);
    throw error;
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

function describeRun({ languages, wallMs }: ToolSurroundings): string {
  const keeping = languages.filter(({ keepsVariables }) => keepsVariables).map(({ title }) => title);
  const version = languages.find(({ name }) => name === 'python')?.versions.python;
  return [
    `Runs code in an isolated sandbox and returns what it prints, the value of its last expression, its figures and its errors. Languages: ${languages.map(({ name }) => name).join(', ')}.`,
    `- State: ${keeping.join(', ')} keep variables between calls of a session, all languages its files. The working directory is /mnt/data.`,
    '- You see stdout, stderr and the last expression, nothing else: print what you need.',
    '- Show a figure with plt.show(). Save files that the user is to get in the working directory: they are returned as links.',
    `- Python${version ? ` (${version.replace(/^Python /, '')})` : ''} has numpy, pandas, scipy, matplotlib, scikit-learn, openpyxl, pillow and the other usual packages for data, charts and documents.`,
    '- There is no network: nothing can be downloaded or installed.',
    `- A run may take ${wallMs / 1000} s unless timeout_seconds asks for more. If the result says that it is still running, call check_run.`,
    '- Every result ends with [session_id …]. Pass it on in later calls to be sure to go on in the same session.',
  ].join('\n');
}
