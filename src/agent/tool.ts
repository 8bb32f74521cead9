import type { LanguageModelV4FunctionTool } from '@ai-sdk/provider';
import { toolIdentifier } from '../core/index.ts';
import type { CodeTool, FunctionTool, SessionTool } from './agent.ts';

/** Most files that the description names: each costs tokens. */
const mostFiles = 100;

/** Names under which models call for an interpreter that was offered to them as `python`. */
const aliases = new Set([
  'python',
  'code_interpreter',
  'codeinterpreter',
  'execute_python',
  'exec_python',
  'run_python',
  'python_interpreter',
  'python3',
  'ipython',
]);

/** Our tool's name: what OpenAI calls its own, unless the client has a function of that name. */
export function toolName(functions: readonly FunctionTool[]): string {
  const taken = new Set(functions.map(({ name }) => name));
  let name = 'python';
  for (let number = 1; taken.has(name); number++) name = number === 1 ? 'run_python' : `run_python_${number}`;
  return name;
}

/** Whether a model that called for this tool means ours. */
export function meansOurs(called: string, name: string, functions: readonly FunctionTool[]): boolean {
  if (called === name) return true;
  if (functions.some((tool) => tool.name === called)) return false;
  const plain = called.toLowerCase().replace(/^(?:functions|tools)[.:]/, '');
  return plain === name || aliases.has(plain);
}

/** The interpreter as a function a model can call. @param wallMs the time limit of one run */
export function codeTool(
  name: string,
  code: CodeTool,
  callable: readonly FunctionTool[],
  wallMs: number,
): LanguageModelV4FunctionTool {
  const files = code.files.slice(0, mostFiles).map((path) => {
    const note = code.fileNotes?.get(path);
    return `- ${path.startsWith('/') ? path : `/mnt/data/${path}`}${note === undefined ? '' : `: ${note}`}`;
  });
  if (code.files.length > mostFiles) files.push(`- and ${code.files.length - mostFiles} more: list /mnt/data`);
  const description = [
    code.viewForm === 'json'
      ? 'Runs Python code in a sandbox and returns JSON {stdout, stderr, results, error}; results holds the value of the last expression and what was displayed.'
      : 'Runs Python code in a sandbox, as a cell of a notebook, and returns what it printed, the value of its last expression, and its error if it raised one.',
    'Variables, imports and files are kept between calls.',
    `A call may take ${seconds(wallMs)}. There is no network, and nothing can be installed; the usual packages for data, charts and documents are there.`,
    `Files of the user are in /mnt/data, the working directory. Save there what the user is to get${code.linksFiles === false ? '' : ', and link each such file in your answer: [name](sandbox:/mnt/data/name)'}. Figures are shown to the user with plt.show().`,
    ...(files.length > 0 ? [`Files there now:\n${files.join('\n')}`] : []),
    ...(callable.length > 0
      ? [
          `The code can call these functions, with keyword arguments; several at once with asyncio.gather:\n${callable.map((tool) => signature(tool, code.functionsAs ?? 'members')).join('\n')}`,
        ]
      : []),
  ].join('\n');
  return {
    type: 'function',
    name,
    description,
    inputSchema: {
      type: 'object',
      properties: { code: { type: 'string', description: 'Python source.' } },
      required: ['code'],
      additionalProperties: false,
    },
    // Arguments are read leniently. Strict decoding makes providers compile a grammar, which takes time.
    strict: false,
  };
}

/** A function of the client's as a tool of the model. */
export function clientTool({ name, description, parameters, strict }: FunctionTool): LanguageModelV4FunctionTool {
  return {
    type: 'function',
    name,
    inputSchema: parameters,
    ...(description === undefined ? {} : { description }),
    ...(strict === undefined ? {} : { strict }),
  };
}

/** A session tool as a tool of the model. */
export function sessionFunction({ name, description, parameters }: SessionTool): LanguageModelV4FunctionTool {
  return { type: 'function', name, description, inputSchema: parameters, strict: false };
}

function signature({ name, description, parameters }: FunctionTool, as: 'members' | 'names'): string {
  const about = description === undefined ? '' : `: ${description}`;
  return `- await ${as === 'members' ? 'tools.' : ''}${toolIdentifier(name, 'python')}(…)${about}\n  parameters (JSON Schema): ${JSON.stringify(parameters)}`;
}

function seconds(ms: number): string {
  const value = Math.round(ms / 100) / 10;
  return value === 1 ? '1 second' : `${value} seconds`;
}
