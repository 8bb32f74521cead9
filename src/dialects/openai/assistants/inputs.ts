import { z } from 'zod';
import type { AssistantSettings } from '../../../assistant/index.ts';
import { invalid } from '../errors.ts';
import { parse } from '../parse.ts';
import { parseBody, type ResponseBody } from '../responses/request.ts';
import { type Mode, modeOf, tools } from './wire.ts';

/** Most elements of a list a client sends. */
const maxElements = 10_000;

const url = z.union([z.string(), z.object({ url: z.string() })]);

const block = z.union([
  z.string(),
  z.discriminatedUnion('type', [
    z.object({ type: z.enum(['text', 'input_text', 'output_text']), text: z.string() }),
    z.object({ type: z.enum(['image', 'input_image', 'image_url']), image_url: url.nullish(), url: url.nullish() }),
    z.object({
      type: z.enum(['file', 'input_file']),
      file_id: z.string().nullish(),
      filename: z.string().nullish(),
      file_data: z.string().nullish(),
    }),
  ]),
]);

type Block = z.infer<typeof block>;

const list = <T extends z.ZodType>(element: T) => z.array(element).max(maxElements).nullish();

/** A message: with `content`, or in the older form with a list of each kind. */
const input = z.object({
  role: z.enum(['user', 'assistant', 'system', 'developer']),
  content: z.union([z.string(), z.array(block).max(maxElements)]).nullish(),
  texts: list(z.union([z.string(), z.object({ text: z.string() })])),
  images: list(url),
  audio: z.array(z.unknown()).max(0, 'audio is not served here').nullish(),
  files: list(z.string()).describe('Files of `/v1/files`.'),
});

/** A request in the assistants' style. Keys that are not named here are ignored. */
export const inputsBody = z
  .object({
    inputs: z.array(input).min(1).max(maxElements),
    organization_id: z.string().max(256).nullish().describe('Said again in the answer.'),
    assistant_id: z
      .string()
      .max(256)
      .nullish()
      .describe('An assistant of `/v1/assistants`; any other id is said again in the answer.'),
    model: z.string().min(1).max(256).nullish().describe('The assistant’s when absent.'),
    instructions: z.string().nullish().describe('Come after the assistant’s.'),
    tools: tools.nullish().describe('The assistant’s when absent.'),
    stream: z.boolean().nullish(),
    temperature: z.number().min(0).max(2).nullish(),
    top_p: z.number().min(0).max(1).nullish(),
    max_output_tokens: z.int().min(1).nullish(),
    previous_response_id: z.string().nullish(),
    metadata: z.record(z.string().max(64), z.string().max(512)).nullish(),
    store: z.boolean().nullish(),
  })
  .meta({ id: 'ModelResponseRequest' });

export type InputsBody = z.infer<typeof inputsBody>;

/** Whether a body of `/v1/responses` is in this style. */
export function hasInputs(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'inputs' in body && !('input' in body);
}

export function parseInputs(body: unknown): InputsBody {
  return parse(inputsBody, body);
}

/**
 * The request as one of `/v1/responses`.
 * @param assistant with its files that still exist
 * @throws WireError
 */
export function toResponseBody(body: InputsBody, assistant: AssistantSettings | undefined): ResponseBody {
  const mode: Mode = modeOf(body.tools) ?? (body.tools ? 'off' : (modeOf(assistant?.tools) ?? 'off'));
  const instructions = [assistant?.instructions, body.instructions].filter((text) => text).join('\n\n');
  return parseBody({
    model: body.model ?? assistant?.model,
    input: body.inputs.map(({ role, ...message }, at) => ({ role, content: parts(role, message, `inputs[${at}]`) })),
    instructions: instructions === '' ? null : instructions,
    tools:
      mode === 'off' ? [] : [{ type: 'code_interpreter', container: { type: 'auto', file_ids: assistant?.files } }],
    tool_choice: mode === 'on' ? { type: 'code_interpreter' } : 'auto',
    temperature: body.temperature ?? assistant?.temperature,
    top_p: body.top_p ?? assistant?.top_p,
    max_output_tokens: body.max_output_tokens,
    previous_response_id: body.previous_response_id,
    metadata: body.metadata,
    store: body.store,
    stream: body.stream,
  });
}

function parts(
  role: z.infer<typeof input>['role'],
  { content, texts, images, files }: Omit<z.infer<typeof input>, 'role'>,
  param: string,
): object[] {
  const blocks: Block[] = [
    ...(typeof content === 'string' ? [content] : (content ?? [])),
    ...(texts ?? []).map((text) => (typeof text === 'string' ? text : text.text)),
    ...(images ?? []).map((image) => ({ type: 'image' as const, url: image })),
    ...(files ?? []).map((id) => ({ type: 'file' as const, file_id: id })),
  ];
  if (blocks.length === 0)
    throw invalid(`Missing required parameter: '${param}.content'.`, `${param}.content`, 'missing_required_parameter');
  return blocks.map((each, at) => part(role, each, `${param}.content[${at}]`));
}

function part(role: string, given: Block, param: string): object {
  const type = role === 'assistant' ? 'output_text' : 'input_text';
  if (typeof given === 'string') return { type, text: given };
  if ('text' in given) return { type, text: given.text };
  if ('file_id' in given || 'file_data' in given) return { ...given, type: 'input_file' };
  const image = 'url' in given || 'image_url' in given ? (given.url ?? given.image_url) : undefined;
  if (!image)
    throw invalid(`Missing required parameter: '${param}.url'.`, `${param}.url`, 'missing_required_parameter');
  return { type: 'input_image', image_url: typeof image === 'string' ? image : image.url };
}
