import { z } from 'zod';
import { type Answer, type Content, fileAnswers, fileHeaders, problems, type Route } from '../../http/index.ts';
import { longestToken } from './download-links.ts';

const url = '/mcp';

const sessionHeader = z.string().optional().describe('Of the older revisions: what `initialize` was answered with.');

const headers = z.object({
  'mcp-session-id': sessionHeader,
  'mcp-protocol-version': z.string().optional().describe('Revision of the protocol; required from 2026-07-28 on.'),
  'mcp-method': z.string().optional().describe('Repeats `method`; required from 2026-07-28 on.'),
  'mcp-name': z.string().optional().describe('Repeats the name of the tool, or the address of the resource; likewise.'),
  'x-dragoman-session': z
    .string()
    .optional()
    .describe(
      'Name of the session to work in, as a conversation’s id. It is made when it is first used. `mcp:` cannot begin it.',
    ),
  'x-dragoman-links': z.enum(['on', 'off']).optional().describe('`off`: results link no files.'),
});

const message = z
  .looseObject({
    jsonrpc: z.literal('2.0'),
    id: z.union([z.string(), z.int()]).optional().describe('Absent: a notification.'),
    method: z.string().optional(),
    params: z.looseObject({}).optional(),
  })
  .meta({ id: 'McpMessage', description: 'A message of JSON-RPC 2.0.' });

const answer = z
  .looseObject({
    jsonrpc: z.literal('2.0'),
    id: z.union([z.string(), z.int()]).nullable(),
    result: z.looseObject({}).optional(),
    error: z.looseObject({ code: z.int(), message: z.string() }).optional(),
  })
  .meta({ id: 'McpAnswer' });

const json = (schema: z.ZodType, example?: unknown): Content => ({
  type: 'application/json',
  schema,
  ...(example === undefined ? {} : { example }),
});

const refused = (...statuses: readonly number[]): Record<number, Answer> =>
  Object.fromEntries(
    Object.entries(problems(...statuses)).map(([status, refusal]) => [status, { ...refusal, content: json(answer) }]),
  );

const exampleRequest = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'host', version: '1.0' } },
};

const exampleAnswer = {
  jsonrpc: '2.0',
  id: 1,
  result: {
    protocolVersion: '2025-11-25',
    capabilities: { tools: {}, resources: {} },
    serverInfo: { name: 'dragoman', version: '0.2.0' },
  },
};

/** The routes of the Model Context Protocol. */
export const mcpRoutes = {
  send: {
    method: 'POST',
    url,
    id: 'mcpSend',
    summary: 'Send a message of the Model Context Protocol',
    description:
      'Streamable HTTP, in revisions 2025-03-26 to 2026-07-28. A call that takes longer than a moment is answered by a stream: ' +
      'notifications of its progress, then its answer.',
    headers,
    body: { ...json(message, exampleRequest), unchecked: true },
    answers: {
      ...refused(400, 401, 403, 404, 408, 413, 415, 429, 500, 503),
      200: {
        description: 'The answer to a request.',
        content: json(answer, exampleAnswer),
        alternative: {
          type: 'text/event-stream',
          schema: z.string(),
          example: `event: message\ndata: ${JSON.stringify(exampleAnswer)}\n\n`,
        },
        headers: { 'Mcp-Session-Id': z.string().optional().describe('With the answer to `initialize`.') },
      },
      202: { description: 'A notification was taken.' },
    },
  },
  listen: {
    method: 'GET',
    url,
    rateClass: 'list',
    id: 'mcpListen',
    summary: 'There is no stream to listen to',
    answers: {
      ...refused(400, 401, 403, 429, 500, 503),
      405: { description: 'Always: this server sends nothing by itself.', content: json(answer) },
    },
  },
  end: {
    method: 'DELETE',
    url,
    rateClass: 'list',
    id: 'mcpEnd',
    summary: 'End an MCP session',
    description: 'Files stay: a handle or a name still leads to them.',
    headers: z.object({ 'mcp-session-id': sessionHeader }),
    answers: { ...refused(400, 401, 403, 404, 429, 500, 503), 204: { description: 'It has ended.' } },
  },
  download: {
    method: 'GET',
    url: `${url}/files/:token`,
    id: 'mcpDownload',
    summary: 'A file, by the address in a result',
    params: z.object({ token: z.string().max(longestToken) }),
    headers: fileHeaders,
    open: true,
    answers: { ...refused(400, 404, 429, 500, 503), ...fileAnswers },
  },
  preflight: {
    method: 'OPTIONS',
    url,
    id: 'mcpPreflight',
    summary: 'What a web page of an allowed origin may send',
    open: true,
    answers: { ...refused(403, 429, 500, 503), 204: { description: 'It may send requests.' } },
  },
} satisfies Record<string, Route>;
