import type { SessionTool } from '../../../agent/index.ts';
import { type EditorProgram, editorView } from './editor.ts';
import { inShell } from './shell.ts';

const bash: SessionTool = {
  name: 'bash_code_execution',
  description:
    'Runs a Bash command in the same sandbox as code_execution and returns what it printed. Each call has a shell of its own that begins in /mnt/data: files stay, and `cd` and variables do not. There is no network, and nothing can be installed.',
  parameters: {
    type: 'object',
    properties: { command: { type: 'string', description: 'The command, or a script of several lines.' } },
    required: ['command'],
    additionalProperties: false,
  },
  streamed: 'command',
  order: ({ command }) => (typeof command === 'string' ? { language: 'bash', code: inShell(command) } : undefined),
};

/** The tools beside Python. Each works in the session of the code. */
export function sessionTools(editor: EditorProgram): readonly SessionTool[] {
  return [
    bash,
    {
      name: 'text_editor_code_execution',
      description:
        'Views and edits files in the same sandbox as code_execution. Commands: `view` shows a file, or the names in a folder; `create` writes file_text to path and makes missing folders; `str_replace` replaces old_str, which must be in the file exactly once, by new_str. Relative paths begin in /mnt/data.',
      parameters: {
        type: 'object',
        properties: {
          command: { type: 'string', enum: ['view', 'create', 'str_replace'] },
          path: { type: 'string' },
          view_range: {
            type: 'array',
            items: { type: 'integer' },
            description: 'For view: the first and the last line, from 1; -1 is the end.',
          },
          file_text: { type: 'string', description: 'For create.' },
          old_str: { type: 'string', description: 'For str_replace.' },
          new_str: { type: 'string', description: 'For str_replace.' },
        },
        required: ['command', 'path'],
        additionalProperties: false,
      },
      order: (input) => editor.order(input),
      view: editorView,
    },
  ];
}
