import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { SessionTool } from '../../../agent/index.ts';
import type { Execution } from '../../../service/index.ts';
import { quoted, withInput } from './shell.ts';

/** The editor: a program of ours that runs in the sandbox, as code of the user does. */
export interface EditorProgram {
  /** What runs for a call; undefined: the arguments cannot be used. */
  order: SessionTool['order'];
}

const input = z.object({
  command: z.enum(['view', 'create', 'str_replace']),
  path: z
    .string()
    .min(1)
    .max(4096)
    .regex(/^[^\0]+$/),
  view_range: z.tuple([z.int(), z.int()]).nullish(),
  file_text: z.string().nullish(),
  old_str: z.string().nullish(),
  new_str: z.string().nullish(),
});

const line = z.int().nullable();

/** What the program prints. The sandbox may print anything in its place. */
const said = z.union([
  z.object({
    view: z.object({
      content: z.string(),
      file_type: z.enum(['text', 'image', 'pdf']),
      num_lines: line,
      start_line: line,
      total_lines: line,
    }),
  }),
  z.object({ create: z.object({ is_file_update: z.boolean() }) }),
  z.object({
    str_replace: z.object({
      lines: z.array(z.string()).nullable(),
      old_start: line,
      old_lines: line,
      new_start: line,
      new_lines: line,
    }),
  }),
  z.object({ error: z.enum(['file_not_found', 'invalid_tool_input']), message: z.string() }),
]);

export type EditorResult = z.infer<typeof said>;

/** Reads the editor's program from beside this file. */
export function readEditor(): EditorProgram {
  const program = readFileSync(new URL('editor.py', import.meta.url), 'utf8');
  return {
    order(given) {
      const read = input.safeParse(given);
      if (!read.success) return undefined;
      const { command, file_text: text, old_str: old } = read.data;
      if (command === 'create' && typeof text !== 'string') return undefined;
      if (command === 'str_replace' && typeof old !== 'string') return undefined;
      const set = Object.entries(read.data).filter(([, value]) => value !== null && value !== undefined);
      // Isolated: no file of the user takes the place of a module.
      const words = ['command', 'python3', '-I', '-S', '-c', quoted(program)];
      return { language: 'bash', code: withInput(words.join(' '), JSON.stringify(Object.fromEntries(set))) };
    },
  };
}

/** What the editor did; undefined when it was stopped. */
export function editorResult({ result }: Pick<Execution, 'result'>): EditorResult | undefined {
  if (result.outcome !== 'completed' || result.stdout.truncated) return undefined;
  try {
    return said.safeParse(JSON.parse(result.stdout.text)).data;
  } catch {
    return undefined;
  }
}

/** What the model reads of it. */
export function editorView(execution: Execution): string | undefined {
  const done = editorResult(execution);
  if (!done) return undefined;
  if ('error' in done) return `Error: ${done.message}`;
  if ('create' in done) return done.create.is_file_update ? 'The file was overwritten.' : 'The file was created.';
  if ('str_replace' in done) return ['The file was edited.', ...(done.str_replace.lines ?? [])].join('\n');
  const { content, start_line: start, num_lines: count, total_lines: total } = done.view;
  const isPart = count !== null && total !== null && count < total;
  return isPart ? `[lines ${start} to ${start! + count - 1} of ${total}]\n${content}` : content;
}
