import { z } from 'zod';
import { invalid } from '../errors.ts';
import { parse, unservedTool } from '../parse.ts';
import { inputItem, maxElements } from './items.ts';

const fileIds = z.array(z.string()).max(256).nullish();

const container = z.union([
  z.string().min(1),
  z.object({
    type: z.literal('auto'),
    file_ids: fileIds,
    memory_limit: z.enum(['1g', '4g', '16g', '64g']).nullish(),
    network_policy: z
      .discriminatedUnion('type', [
        z.object({ type: z.literal('disabled') }),
        z.object({ type: z.literal('allowlist'), allowed_domains: z.array(z.string()).max(maxElements) }),
      ])
      .nullish()
      .describe('Accepted; containers have no network.'),
  }),
]);

const callers = z.array(z.enum(['direct', 'programmatic'])).nullish();

const codeTool = z.object({
  type: z.literal('code_interpreter'),
  container: container.nullish().describe('A container’s id, or `auto`, also when absent.'),
  allowed_callers: callers,
});

const functionTool = z.object({
  type: z.literal('function'),
  name: z.string().regex(/^[A-Za-z0-9_-]{1,128}$/, 'must be letters, digits, "_" and "-", at most 128'),
  description: z.string().nullish(),
  parameters: z.record(z.string(), z.unknown()).nullish(),
  strict: z.boolean().nullish(),
  allowed_callers: callers.describe('`programmatic`: code in the container may call it.'),
});

export type FunctionToolParam = z.infer<typeof functionTool>;

const tool = z.discriminatedUnion('type', [codeTool, functionTool], {
  error: unservedTool,
});

const toolChoice = z.union([
  z.enum(['auto', 'none', 'required']),
  z.discriminatedUnion('type', [
    z.object({ type: z.literal('code_interpreter') }),
    z.object({ type: z.literal('function'), name: z.string() }),
    z.object({
      type: z.literal('allowed_tools'),
      mode: z.enum(['auto', 'required']),
      tools: z.array(z.object({ type: z.string(), name: z.string().optional() })).max(maxElements),
    }),
  ]),
]);

const format = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text') }),
  z.object({ type: z.literal('json_object') }),
  z.object({
    type: z.literal('json_schema'),
    name: z.string(),
    schema: z.record(z.string(), z.unknown()),
    description: z.string().nullish(),
    strict: z.boolean().nullish(),
  }),
]);

const word = z.string().max(1024).nullish();

const maxPairs = 16;

export const metadata = z
  .record(z.string().max(64), z.string().max(512))
  .refine((pairs) => Object.keys(pairs).length <= maxPairs, `must have at most ${maxPairs} pairs`);

/** The body of `POST /responses`. Keys that are not named here are ignored: SDKs bring new ones often. */
export const responseBody = z
  .object({
    model: z.string().min(1).max(256).nullish(),
    input: z.union([z.string(), z.array(inputItem).max(maxElements)]).nullish(),
    instructions: z.string().nullish(),
    tools: z.array(tool).max(1024).nullish(),
    tool_choice: toolChoice.nullish(),
    parallel_tool_calls: z.boolean().nullish(),
    max_tool_calls: z.int().min(0).nullish(),
    max_output_tokens: z.int().min(1).nullish(),
    temperature: z.number().min(0).max(2).nullish(),
    top_p: z.number().min(0).max(1).nullish(),
    top_logprobs: z.int().min(0).max(20).nullish(),
    reasoning: z.object({ effort: word, summary: word }).nullish(),
    text: z.object({ format: format.nullish(), verbosity: z.enum(['low', 'medium', 'high']).nullish() }).nullish(),
    truncation: z.enum(['auto', 'disabled']).nullish(),
    include: z.array(z.string()).max(256).nullish(),
    metadata: metadata.nullish(),
    store: z.boolean().nullish(),
    previous_response_id: z.string().nullish(),
    conversation: z
      .union([z.string(), z.object({ id: z.string() })])
      .nullish()
      .describe('Goes on from everything in it, and is added to it.'),
    background: z.boolean().nullish(),
    stream: z.boolean().nullish(),
    service_tier: word,
    user: word,
    safety_identifier: word,
    prompt_cache_key: word,
  })
  .meta({ id: 'ResponseRequest' });

export type ResponseBody = z.infer<typeof responseBody>;

/** @throws WireError, also for fields that exclude or need each other */
export function parseBody(value: unknown): ResponseBody {
  const body = parse(responseBody, value);
  if (body.conversation && body.previous_response_id)
    throw invalid("'previous_response_id' and 'conversation' exclude each other.", 'conversation');
  const tools = body.tools ?? [];
  const second = tools.findIndex(({ type }, at) => type === 'code_interpreter' && codeToolAt(tools) !== at);
  if (second >= 0) throw invalid('Only one code_interpreter tool can be given.', `tools[${second}]`);
  const names = new Set<string>();
  for (const [at, given] of tools.entries()) {
    if (given.type !== 'function') continue;
    if (names.has(given.name)) throw invalid('Functions must have different names.', `tools[${at}].name`);
    names.add(given.name);
  }
  checkChoice(body, names);
  if (body.background && body.store === false)
    throw invalid("Background responses need 'store' to be true.", 'background');
  return body;
}

export function codeToolAt(tools: NonNullable<ResponseBody['tools']>): number {
  return tools.findIndex(({ type }) => type === 'code_interpreter');
}

function checkChoice({ tools, tool_choice: choice }: ResponseBody, functions: ReadonlySet<string>): void {
  const isThere = ({ type, name }: { type: string; name?: string | undefined }) =>
    type === 'function' ? functions.has(name ?? '') : type === 'code_interpreter' && codeToolAt(tools ?? []) >= 0;
  if (choice === 'required' && !tools?.length) throw invalid("'required' needs tools.", 'tool_choice');
  if (typeof choice !== 'object' || choice === null) return;
  const wanted: { type: string; name?: string | undefined }[] =
    choice.type === 'allowed_tools' ? choice.tools : [choice];
  for (const named of wanted) {
    if (isThere(named)) continue;
    throw invalid(`Tool choice '${named.name ?? named.type}' was not found in 'tools'.`, 'tool_choice');
  }
}
