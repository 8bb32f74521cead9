import { z } from 'zod';
import { execAnswer } from './answers.ts';
import { statistics } from './statistics.ts';
import { execBody, timeout } from './wire.ts';

/** A program under way, which of its rounds is meant, and the worker it runs on: elsewhere its name has a dot. Opaque to clients. */
export const tokenPattern = /^([A-Za-z0-9_-]{21})\.([1-9][0-9]{0,5})\.([A-Za-z0-9_-]{1,64}(?:\.[A-Za-z0-9_-]{1,64})?)$/;
/** What a client names one request by, to cancel it. */
const requestId = z.uuid();

/** A tool; keys not named here are sent by recent clients and are ignored. */
const tool = z
  .object({
    name: z.string(),
    description: z.string().nullish(),
    parameters: z.record(z.string(), z.unknown()).nullish().describe('A JSON Schema of an object.'),
  })
  .meta({ id: 'ProgrammaticTool' });

/** Begins a program. */
export const programBody = z
  .object({
    code: z.string().min(1, 'must not be empty'),
    tools: z.array(tool).min(1, 'must hold at least one tool').max(100, 'must hold at most 100 tools'),
    lang: z.string().nullish().describe('`python`, which is the default, `bash`, `javascript` or `typescript`.'),
    language: z.string().nullish().describe('The same, for clients that call it so.'),
    timeout: timeout.describe('Milliseconds of wall clock, 300000 at most; waiting for the client is not counted.'),
    files: execBody.shape.files,
    runtime_session_hint: execBody.shape.runtime_session_hint,
  })
  .meta({ id: 'ProgramRequest' });

export type ProgramBody = z.infer<typeof programBody>;

const toolResult = z
  .object({
    call_id: z.string(),
    result: z.unknown().optional().describe('Any JSON value.'),
    is_error: z.boolean().nullish(),
    error_message: z.string().nullish(),
  })
  .meta({ id: 'ProgrammaticToolResult' });

/** Goes on with one. */
export const continuationBody = z
  .object({
    continuation_token: z.string().regex(tokenPattern, 'is not one of ours'),
    tool_results: z.array(toolResult).min(1, 'must not be empty').max(200, 'must hold at most 200 results'),
  })
  .meta({ id: 'ProgramContinuation' });

export type ContinuationBody = z.infer<typeof continuationBody>;

export const cancelBody = z.object({ request_id: requestId });
export const cancelAnswer = z.object({ status: z.enum(['cancellation_requested', 'already_completed']) });

const { session_id, storage_session_id, stdout, stderr, files, deleted_files, artifact_delivery } = execAnswer.shape;
const { wall_time, cpu_time, memory, compile } = z.object(statistics).partial().shape;
const ids = { session_id, storage_session_id };
const ended = { ...ids, stdout, stderr, wall_time, cpu_time, memory, compile, files, deleted_files, artifact_delivery };

export const programAnswer = z
  .union([
    z.object({
      status: z.literal('tool_call_required'),
      ...ids,
      continuation_token: z.string(),
      tool_calls: z.array(z.object({ id: z.string(), name: z.string(), input: z.record(z.string(), z.unknown()) })),
      partial_stdout: z.string(),
    }),
    z.object({ status: z.literal('completed'), ...ended }),
    z.object({ status: z.literal('error'), error: z.string(), ...ended }),
  ])
  .meta({ id: 'ProgramAnswer' });

export type ProgramAnswer = z.infer<typeof programAnswer>;
