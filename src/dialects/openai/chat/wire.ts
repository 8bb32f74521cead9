import { z } from 'zod';
import { fileIds } from '../containers/wire.ts';
import { unservedTool } from '../parse.ts';

/** Most elements of a list a client sends. */
const maxElements = 10_000;

const contentPart = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text: z.string() }),
  z.object({
    type: z.literal('image_url'),
    image_url: z.object({ url: z.string(), detail: z.string().nullish() }),
  }),
  z.object({
    type: z.literal('file'),
    file: z.object({
      file_id: z.string().nullish().describe('A file of `/v1/files`.'),
      filename: z.string().nullish(),
      file_data: z.string().nullish().describe('Base64, or a data URL.'),
    }),
  }),
  z.object({ type: z.literal('refusal'), refusal: z.string() }),
]);

export type ChatPart = z.infer<typeof contentPart>;

const content = z.union([z.string(), z.array(contentPart).max(maxElements)]);

const toolCall = z.object({
  id: z.string(),
  type: z.literal('function'),
  function: z.object({ name: z.string(), arguments: z.string() }),
});

const message = z.discriminatedUnion('role', [
  z.object({ role: z.enum(['system', 'developer', 'user']), content }),
  z.object({
    role: z.literal('assistant'),
    content: content.nullish(),
    refusal: z.string().nullish(),
    tool_calls: z.array(toolCall).max(maxElements).nullish(),
  }),
  z.object({ role: z.literal('tool'), tool_call_id: z.string(), content }),
]);

export type ChatMessage = z.infer<typeof message>;

const milliseconds = z.number('must be a number of milliseconds').int().positive();

const codeTool = z.object({
  type: z.literal('code_interpreter'),
  timeout_ms: milliseconds.nullish().describe('Limit of one run of code. More than the plan allows is lowered to it.'),
  sandbox_timeout_ms: milliseconds
    .nullish()
    .describe('How long the sandbox may live without use. More than 20 minutes is lowered to that.'),
  container: z
    .union([z.string(), z.object({ type: z.literal('auto'), file_ids: fileIds.nullish() })])
    .nullish()
    .describe(
      'A container of `/v1/containers` to run in. Absent, or `auto`: a fresh one, for this request alone, with these files.',
    ),
});

const functionTool = z.object({
  type: z.literal('function'),
  function: z.object({
    name: z.string().regex(/^[A-Za-z0-9_-]{1,128}$/, 'must be letters, digits, "_" and "-", at most 128'),
    description: z.string().nullish(),
    parameters: z.record(z.string(), z.unknown()).nullish(),
    strict: z.boolean().nullish(),
  }),
});

const tool = z.discriminatedUnion('type', [codeTool, functionTool], { error: unservedTool });

const namedTool = z.discriminatedUnion('type', [
  z.object({ type: z.literal('code_interpreter') }),
  z.object({ type: z.literal('function'), function: z.object({ name: z.string() }) }),
]);

const toolChoice = z.union([
  z.enum(['auto', 'none', 'required']),
  z.discriminatedUnion('type', [
    ...namedTool.options,
    z.object({
      type: z.literal('allowed_tools'),
      allowed_tools: z.object({ mode: z.enum(['auto', 'required']), tools: z.array(namedTool).max(maxElements) }),
    }),
  ]),
]);

const responseFormat = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text') }),
  z.object({ type: z.literal('json_object') }),
  z.object({
    type: z.literal('json_schema'),
    json_schema: z.object({
      name: z.string(),
      schema: z.record(z.string(), z.unknown()).nullish(),
      strict: z.boolean().nullish(),
    }),
  }),
]);

/** The body of `POST /chat/completions`. Unknown keys are passed on to providers that speak this API. */
export const chatBody = z
  .looseObject({
    model: z.string().min(1).max(256).nullish(),
    messages: z.array(message).min(1).max(maxElements),
    tools: z.array(tool).max(1024).nullish(),
    code_interpreter: z
      .boolean()
      .nullish()
      .describe('`true` adds the tool `code_interpreter`, as does a model called `name+code`.'),
    tool_choice: toolChoice.nullish(),
    parallel_tool_calls: z.boolean().nullish(),
    stream: z.boolean().nullish(),
    stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
    max_completion_tokens: z.int().min(1).nullish(),
    max_tokens: z.int().min(1).nullish(),
    temperature: z.number().min(0).max(2).nullish(),
    top_p: z.number().min(0).max(1).nullish(),
    presence_penalty: z.number().min(-2).max(2).nullish(),
    frequency_penalty: z.number().min(-2).max(2).nullish(),
    seed: z.int().nullish(),
    stop: z.union([z.string(), z.array(z.string()).max(16)]).nullish(),
    reasoning_effort: z.string().max(64).nullish(),
    response_format: responseFormat.nullish(),
    n: z.literal(1, 'only one choice is served').nullish(),
  })
  .meta({ id: 'ChatCompletionRequest' });

export type ChatBody = z.infer<typeof chatBody>;
export type ChatCodeTool = z.infer<typeof codeTool>;

const result = z.record(z.string(), z.unknown()).describe('By short type: `text`, `html`, `png` (base64) and so on.');

/** Code that ran for an answer: an extension that other clients ignore. */
const codeCall = z
  .object({
    id: z.string(),
    code: z.string(),
    container_id: z.string().nullable().describe('Null when nothing was made and the container is gone.'),
    stdout: z.string(),
    stderr: z.string(),
    results: z.array(result),
    error: z.object({ name: z.string(), value: z.string(), traceback: z.string() }).nullable(),
    files: z.array(z.object({ id: z.string(), path: z.string(), bytes: z.int() })).describe('Files of the container.'),
  })
  .meta({ id: 'ChatCodeInterpreterCall' });

export type CodeCall = z.infer<typeof codeCall>;

const usage = z.object({
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
  prompt_tokens_details: z.object({ cached_tokens: z.int() }),
  completion_tokens_details: z.object({ reasoning_tokens: z.int() }),
});

const finishReason = z.enum(['stop', 'length', 'content_filter', 'tool_calls']);

export const completion = z
  .object({
    id: z.string(),
    object: z.literal('chat.completion'),
    created: z.int(),
    model: z.string(),
    choices: z.array(
      z.object({
        index: z.literal(0),
        message: z.object({
          role: z.literal('assistant'),
          content: z.string().nullable(),
          refusal: z.null(),
          reasoning_content: z.string().optional(),
          tool_calls: z.array(toolCall).optional().describe('Functions of the client’s; code never shows here.'),
          code_interpreter_calls: z.array(codeCall).optional(),
        }),
        finish_reason: finishReason,
        logprobs: z.null(),
      }),
    ),
    usage,
  })
  .meta({ id: 'ChatCompletion' });

export type Completion = z.infer<typeof completion>;
export type ToolCall = z.infer<typeof toolCall>;
