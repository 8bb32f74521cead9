import { z } from 'zod';
import { id } from './wire.ts';

/** What the routes answer. The schemas describe it, for types and for the OpenAPI document; nothing is checked at run time. */

const time = z.string().meta({ format: 'date-time' });
const date = z.string().meta({ format: 'date' });
const bytes = z.int().min(0);
const count = z.int().min(0);

const storedFile = z.object({
  id,
  session_id: id,
  path: z.string(),
  size: bytes,
  mime: z.string(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  created_at: time,
  source: z.enum(['user', 'program']).describe('Who put it there: a caller, or code that made or changed it.'),
});

export const file = storedFile.meta({ id: 'File' });
export type File = z.infer<typeof file>;

const artifact = storedFile
  .extend({ change: z.enum(['created', 'modified']) })
  .meta({ id: 'Artifact', description: 'A file the execution made or changed.' });
export type Artifact = z.infer<typeof artifact>;

const bundle = z.record(z.string(), z.unknown()).meta({
  id: 'MimeBundle',
  description: 'One result in several forms by MIME type: text as it is, images and PDF as base64, JSON as JSON.',
});

const programError = z
  .object({ name: z.string(), value: z.string(), traceback: z.array(z.string()) })
  .meta({ id: 'ProgramError', description: 'An exception nothing caught.' });

const toolCall = z
  .object({ id: z.string(), name: z.string(), input: z.record(z.string(), z.unknown()) })
  .meta({ id: 'ToolCall' });

const consumed = z
  .object({ cpu_ms: z.number().min(0), wall_ms: z.number().min(0), peak_memory_bytes: bytes })
  .meta({ id: 'ExecutionUsage' });

const identity = { id, session_id: id, language: z.string() };

const namedValue = z.object({ name: z.string(), type: z.string() });
/** What a kernel says became of its variables. At most 1000 of each are named. */
const variablesReport = {
  variables: count.describe('How many are whole.'),
  lost: z.array(namedValue.extend({ reason: z.string() })).describe('Those that are gone, and why.'),
  lost_count: count.describe('How many are gone.'),
  partial: z
    .array(namedValue.extend({ lost: z.array(z.string()) }))
    .describe('Those of which something inside is gone, by its type.'),
  redefined: z.array(z.string()).describe('Classes and functions whose statement was run again.'),
  ambient: z.array(z.string()).describe('Settings of the process that are gone.'),
};
const lossReason = z.enum([
  'deadline',
  'memory',
  'unavailable',
  'failed',
  'too_large',
  'quota',
  'storage',
  'broken',
  'changed',
]);

const restored = z
  .object({
    kernel: z.string(),
    saved_at: time,
    behind: z.boolean().describe('Code has run since they were saved; what it changed is not in them.'),
    ...variablesReport,
    reason: lossReason.nullable().describe('Why nothing came back; null: something did.'),
    message: z.string().describe('All of it in words.'),
  })
  .meta({
    id: 'RestoredVariables',
    description: 'What became of saved variables that were given back before the code.',
  });

const kernelState = z
  .object({
    kernel: z.string(),
    state: z.enum(['live', 'saved']),
    saved_at: time.nullable(),
    execution_id: z.string().nullable().describe('The last execution that they know of.'),
    behind: z.boolean().describe('Code has run since they were saved.'),
    bytes,
    versions: z.record(z.string(), z.string()).describe('What they were made with.'),
    ...variablesReport,
    kept: z.array(namedValue),
  })
  .meta({ id: 'KernelState' });

export const stateList = z.object({ data: z.array(kernelState) });

/** What is known when it is over, besides what it showed. */
const ending = {
  ...identity,
  status: z.literal('done'),
  outcome: z
    .enum(['completed', 'timed_out', 'out_of_memory', 'output_limit', 'killed', 'cancelled', 'worker_lost'])
    .describe('`completed` with an exit code or an `error`, or what ended it.'),
  exit_code: z.int().nullable().describe('Null when a signal or a limit ended it.'),
  signal: z.string().nullable(),
  state: z
    .enum(['fresh', 'continued', 'restored'])
    .describe('What was there before it: nothing, the variables of earlier ones, or only their files.'),
  restored: restored.nullable().describe('Where saved variables were given back before it; else null.'),
  interpreter: z
    .enum(['kept', 'lost', 'none'])
    .describe('Whether the next execution finds the variables; `none`: the language keeps none.'),
  started_at: time,
  isolation: z.string().describe('What its sandbox was behind.'),
  stage: z
    .enum(['compile', 'run'])
    .describe('What ended so: the run, or the compilation (or check) that failed before it.'),
  usage: consumed.describe('Of the run alone.'),
  compile_usage: consumed
    .nullable()
    .describe(
      'Of the compilation; zeroes when the program was there from before, null when there was nothing to compile.',
    ),
  truncated: z.boolean().describe('Something was left out: the middle of a stream, results, or files beyond a limit.'),
  deleted: z.array(z.string()).describe('Paths that were there before it and are gone.'),
  artifacts_lost: count.describe('Files that were made but could not be stored.'),
  lost: z.array(z.object({ path: z.string(), reason: z.string() })).describe('Which these are, and why.'),
};

const doneEvent = z.object(ending).meta({ id: 'ExecutionEnd' });
export type DoneEvent = z.infer<typeof doneEvent>;

export const finished = z
  .object({
    ...ending,
    stdout: z.string(),
    stderr: z.string(),
    results: z.array(bundle).describe('What it displayed, and the value of its last expression, in order.'),
    error: programError.nullable(),
    artifacts: z.array(artifact),
  })
  .meta({ id: 'Execution' });
export type Finished = z.infer<typeof finished>;

export const waiting = z
  .object({ ...identity, status: z.literal('tool_calls'), tool_calls: z.array(toolCall) })
  .meta({ id: 'WaitingExecution', description: 'It goes on when its tool calls are answered.' });

export const underWay = z
  .object({ ...identity, status: z.enum(['queued', 'running']) })
  .meta({ id: 'RunningExecution' });

export type Unfinished = z.infer<typeof waiting> | z.infer<typeof underWay>;

export const session = z
  .object({
    id,
    name: z.string().nullable(),
    state: z
      .enum(['live', 'dormant', 'expired'])
      .describe(
        '`live`: variables are kept; `dormant`: only files are, and variables that were saved; `expired`: everything is gone.',
      ),
    busy: z.boolean().describe('An execution runs or waits.'),
    created_at: time,
    last_active_at: time,
    expires_at: time.describe('When it ends unless it is used before.'),
    idle_timeout_ms: count,
    memory_bytes: bytes,
    isolation: z
      .string()
      .nullable()
      .describe(
        'What its sandbox is behind, from its beginning to its end; null: it is older than this, and the plan says it.',
      ),
    metadata: z.record(z.string(), z.string()),
  })
  .meta({ id: 'Session' });

export const fork = session
  .extend({
    variables: z
      .enum(['variables', 'none', 'not_at_execution', 'off', 'not_saved'])
      .describe(
        '`variables`: its first code finds them; `none`: it was not to have any, or there are none; `not_at_execution`: none are saved of that moment; `off`: they are not saved here; `not_saved`: they could not be saved.',
      ),
  })
  .meta({ id: 'Fork' });
export type Session = z.infer<typeof session>;

export const kernel = z
  .object({
    id: z.string(),
    language: z.string(),
    directory: z.string().describe('Where it starts, relative to the workspace; empty: the workspace itself.'),
    default: z.boolean().describe('It runs the code of its language that names no kernel.'),
    state: z.enum(['live', 'dormant']).describe('`live`: it holds variables; `dormant`: its next code starts it anew.'),
    created_at: time,
  })
  .meta({ id: 'Kernel' });
export type Kernel = z.infer<typeof kernel>;

export const completions = z
  .object({
    matches: z.array(z.string()).describe('What could stand from `start` to `end`; none: nothing is known.'),
    start: count.describe('In characters (code points) of the code.'),
    end: count,
  })
  .meta({ id: 'Completions' });

export const completeness = z
  .object({
    status: z.enum(['complete', 'incomplete', 'invalid', 'unknown']),
    indent: z.string().describe('Blanks that the next line could begin with.'),
  })
  .meta({ id: 'Completeness' });

export const kernelList = z.object({ data: z.array(kernel) });
export const sessionList = z.object({ data: z.array(session), has_more: z.boolean() });
export const fileList = z.object({ data: z.array(file) });
export const interrupted = z.object({ interrupted: z.boolean().describe('False: nothing ran.') });

const amounts = {
  executions: count,
  cpu_ms: count,
  wall_ms: count,
  bytes_stored: bytes,
  bytes_served: bytes,
};
export const usage = z
  .object({
    from: date,
    to: date,
    total: z.object(amounts),
    days: z.array(z.object({ date, ...amounts })).describe('Days without any use are left out.'),
    storage: z
      .object({ bytes_used: bytes, bytes_allowed: bytes })
      .describe('What its files take at this moment, each at its full size, and what they may take together.'),
  })
  .meta({ id: 'Usage' });
