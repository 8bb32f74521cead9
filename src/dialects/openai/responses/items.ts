import { z } from 'zod';

/** The items of a response on the wire, as schemas for types and for the OpenAPI document. */

export const annotation = z
  .object({
    type: z.literal('container_file_citation'),
    container_id: z.string(),
    file_id: z.string(),
    filename: z.string(),
    start_index: z.int().min(0).describe('Of the link in the text, in UTF-16 units; 0 and 0 for a file without one.'),
    end_index: z.int().min(0),
  })
  .meta({ id: 'ContainerFileCitation' });

export type Annotation = z.infer<typeof annotation>;

const outputText = z.object({
  type: z.literal('output_text'),
  text: z.string(),
  annotations: z.array(annotation),
  logprobs: z.array(z.unknown()),
});

const status = z.enum(['in_progress', 'completed', 'incomplete']);

const messageItem = z
  .object({
    id: z.string(),
    type: z.literal('message'),
    status,
    role: z.literal('assistant'),
    content: z.array(outputText),
  })
  .meta({ id: 'OutputMessage' });

const codeOutput = z.discriminatedUnion('type', [
  z.object({ type: z.literal('logs'), logs: z.string() }),
  z.object({ type: z.literal('image'), url: z.string().describe('A data URL.') }),
]);

const codeItem = z
  .object({
    id: z.string(),
    type: z.literal('code_interpreter_call'),
    status: z.enum(['in_progress', 'interpreting', 'completed', 'incomplete']),
    code: z.string().nullable(),
    container_id: z.string(),
    outputs: z.array(codeOutput).nullable().describe('Null unless `include` asks for them.'),
  })
  .meta({ id: 'CodeInterpreterCall' });

export const functionCallItem = z
  .object({
    id: z.string(),
    type: z.literal('function_call'),
    status,
    call_id: z.string(),
    name: z.string(),
    arguments: z.string(),
    caller: z
      .object({ type: z.literal('program'), caller_id: z.string() })
      .optional()
      .describe('Present when code in the container called it, and waits.'),
  })
  .meta({ id: 'FunctionCall' });

export const reasoningItem = z
  .object({
    id: z.string(),
    type: z.literal('reasoning'),
    summary: z.array(z.object({ type: z.literal('summary_text'), text: z.string() })),
  })
  .meta({ id: 'Reasoning' });

export const outputItem = z.discriminatedUnion('type', [messageItem, codeItem, functionCallItem, reasoningItem]);

export type OutputItem = z.infer<typeof outputItem>;

/** Most elements of any list that a client sends. */
export const maxElements = 10_000;

const detail = z.string().nullish();

/** What a message of the client's holds. */
const inputPart = z.discriminatedUnion('type', [
  z.object({ type: z.literal('input_text'), text: z.string() }),
  z.object({
    type: z.literal('input_image'),
    image_url: z.string().nullish().describe('A data URL is put into the container too; nothing is fetched.'),
    file_id: z.string().nullish(),
    detail,
  }),
  z.object({
    type: z.literal('input_file'),
    file_id: z.string().nullish(),
    filename: z.string().nullish(),
    file_data: z.string().nullish().describe('Base64, or a data URL.'),
    file_url: z.string().nullish().describe('Refused: nothing is fetched.'),
    detail,
  }),
  z.object({
    type: z.literal('output_text'),
    text: z.string(),
    annotations: z.array(z.unknown()).max(maxElements).nullish(),
  }),
  z.object({ type: z.literal('refusal'), refusal: z.string() }),
]);

export type InputPart = z.infer<typeof inputPart>;

const parts = z.array(inputPart).max(maxElements);

const message = z.object({
  type: z.literal('message').optional(),
  role: z.enum(['user', 'assistant', 'system', 'developer']),
  content: z.union([z.string(), parts]),
});

const id = z.string().nullish();
const word = z.string().nullish();

const otherInputs = [
  z.object({
    type: z.literal('function_call'),
    id,
    call_id: z.string().min(1),
    name: z.string(),
    arguments: z.string(),
    status: word,
    caller: z.object({ type: z.string() }).nullish(),
  }),
  z.object({
    type: z.literal('function_call_output'),
    id,
    call_id: z.string().min(1),
    output: z.union([z.string(), parts]),
  }),
  z.object({
    type: z.literal('reasoning'),
    id,
    summary: z.array(z.object({ type: z.string(), text: z.string() })).nullish(),
  }),
  z.object({
    type: z.literal('code_interpreter_call'),
    id,
    status: word,
    code: z.string().nullish(),
    container_id: z.string().nullish(),
    outputs: z.array(z.unknown()).max(maxElements).nullish(),
  }),
  z.object({ type: z.literal('compaction'), id, encrypted_content: z.string() }),
] as const;

/** An element of `input`. */
export const inputItem = z.discriminatedUnion('type', [
  message,
  ...otherInputs,
  z.object({ type: z.literal('item_reference'), id: z.string() }),
]);

export type InputItem = z.infer<typeof inputItem>;

/** An element of an input as it is listed and kept: with an id, content always as parts, references resolved. */
export const listedInput = z.discriminatedUnion('type', [
  z.object({ id: z.string(), type: z.literal('message'), role: message.shape.role, status: status, content: parts }),
  ...otherInputs.map((item) => item.extend({ id: z.string() })),
]);

type ListedInput =
  | { id: string; type: 'message'; role: z.infer<typeof message>['role']; status: 'completed'; content: InputPart[] }
  | (Exclude<InputItem, { type?: 'message' | undefined } | { type: 'item_reference' }> & { id: string });

/** An item of a conversation: of an input or of an output. */
export type HistoryItem = ListedInput | OutputItem;
