import { constants } from 'node:os';
import { valueText } from '../../../assistant/index.ts';
import {
  type CellResult,
  type DragomanError,
  type Outcome,
  restoredText,
  unprintedError,
} from '../../../core/index.ts';
import type { Execution } from '../../../service/index.ts';
import { editorResult } from './editor.ts';
import type { ResultBlock, ToolName } from './wire.ts';

const killed = 137;

const limits: Partial<Record<Outcome, string>> = {
  out_of_memory: 'Stopped: out of memory.',
  output_limit: 'Stopped: too much output.',
  killed: 'The program was killed.',
  cancelled: 'The run was cancelled.',
  worker_lost: 'The machine that ran the program was lost. It may have run in part.',
};

/** The result of a call of ours, as the client gets it. @param fileIds of the files it made, as the client knows them */
export function resultBlock(
  tool: ToolName,
  toolUseId: string,
  execution: Execution,
  fileIds: readonly string[],
): ResultBlock {
  const { result, restored } = execution;
  if (result.outcome === 'timed_out') return errorBlock(tool, toolUseId, 'execution_time_exceeded');
  if (tool === 'text_editor_code_execution') return editorBlock(toolUseId, execution);
  return {
    type: `${tool}_tool_result`,
    tool_use_id: toolUseId,
    content: {
      type: `${tool}_result`,
      stdout: tool === 'code_execution' ? shown(result) : result.stdout.text,
      stderr: joined([
        restored ? `[${restoredText(restored)}]` : '',
        result.stderr.text,
        unprintedError(result),
        notice(result),
      ]),
      return_code: returnCode(result),
      content: fileIds.map((file_id) => ({ type: `${tool}_output`, file_id })),
    },
  };
}

function editorBlock(toolUseId: string, execution: Execution): ResultBlock {
  const tool = 'text_editor_code_execution';
  const done = editorResult(execution);
  if (!done) return errorBlock(tool, toolUseId, 'unavailable', 'The editor was stopped.');
  if ('error' in done) return errorBlock(tool, toolUseId, done.error, done.message);
  const [[command, fields] = ['', {}]] = Object.entries(done);
  return {
    type: `${tool}_tool_result`,
    tool_use_id: toolUseId,
    content: { type: `${tool}_${command}_result`, ...fields },
  };
}

export type ErrorCodeOfTool =
  | 'invalid_tool_input'
  | 'unavailable'
  | 'too_many_requests'
  | 'execution_time_exceeded'
  | 'file_not_found';

export function errorBlock(
  tool: ToolName,
  toolUseId: string,
  error_code: ErrorCodeOfTool,
  message: string | null = null,
): ResultBlock {
  return {
    type: `${tool}_tool_result`,
    tool_use_id: toolUseId,
    content: {
      type: `${tool}_tool_result_error`,
      error_code,
      ...(tool === 'text_editor_code_execution' ? { error_message: message } : {}),
    },
  };
}

/** Why a call was not run. */
export function refusalCode({ code }: DragomanError): ErrorCodeOfTool {
  if (code === 'invalid_request') return 'invalid_tool_input';
  return code === 'rate_limited' || code === 'session_busy' || code === 'overloaded'
    ? 'too_many_requests'
    : 'unavailable';
}

/** What a cell shows: what it printed, and its values. Images are files of the result. */
function shown({ stdout, outputs }: CellResult): string {
  return joined([stdout.text, ...outputs.map(({ bundle }) => valueText(bundle))]);
}

function joined(parts: readonly string[]): string {
  return parts
    .filter((part) => part !== '')
    .reduce((all, part) => (all === '' || all.endsWith('\n') ? all + part : `${all}\n${part}`), '');
}

function notice({ outcome, signal }: CellResult): string {
  return limits[outcome] ?? (signal === null ? '' : `The program was ended by ${signal}.`);
}

/** As a shell has it: 128 and the number of the signal for a program that a signal ended. */
function returnCode({ outcome, exitCode, signal, error }: CellResult): number {
  if (outcome !== 'completed') return killed;
  const number = (constants.signals as Readonly<Record<string, number>>)[signal ?? ''];
  if (number !== undefined) return 128 + number;
  if (exitCode !== null && exitCode !== 0) return exitCode;
  return error ? 1 : (exitCode ?? killed);
}
