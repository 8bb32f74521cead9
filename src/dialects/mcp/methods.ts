import { planOf, type RateClass } from '../../core/index.ts';
import type { Caller } from './call.ts';
import { modernVersion, serverInfoKey } from './eras.ts';
import { isObject, RpcError, type RpcRequest, rpcCodes } from './json-rpc.ts';
import { listResources, readResource, resourceTemplates } from './resources.ts';
import type { McpServices } from './services.ts';
import { type Tool, toolByName, tools } from './tools/index.ts';

const capabilities = { tools: {}, resources: {} } as const;

const serverInfo = (version: string) => ({ name: 'dragoman', title: 'Dragoman', version }) as const;

/** What a host may put into the model's instructions. */
const instructions = [
  'Runs code in an isolated sandbox: use it for arithmetic, data, charts, and to read or convert files.',
  'Variables and files are kept within a session. Every result names its session; pass session_id on to stay in it.',
  'Files that code saves in the working directory are returned as links for the user. Figures come as images.',
  'There is no network, and nothing can be installed.',
  'The host can upload large files by HTTP with the same key: PUT /v1/sessions/{session_id}/files/{path}.',
].join('\n');

/** The answer to `initialize`. */
export const initializeResult = (protocolVersion: string, { mcp }: Pick<McpServices, 'mcp'>) => ({
  protocolVersion,
  capabilities,
  serverInfo: serverInfo(mcp.version),
  instructions,
});

/** What a client may keep of lists, in milliseconds: they change with the service's image alone. */
const listTtlMs = 300_000;

type Method = (services: McpServices, caller: Caller, params: RpcRequest['params']) => object | Promise<object>;

interface MethodEntry {
  readonly run: Method;
  readonly rateClass: RateClass;
  /** Modern clients may keep the result for so long. */
  readonly ttlMs?: number;
  /** Its params may have a cursor. All results fit into one page, so there is no cursor to go on with. */
  readonly isList?: true;
  /** Of one era alone. */
  readonly only?: 'legacy' | 'modern';
}

const methods: ReadonlyMap<string, MethodEntry> = new Map<string, MethodEntry>([
  ['ping', { run: () => ({}), rateClass: 'list', only: 'legacy' }],
  [
    'server/discover',
    {
      run: () => ({ supportedVersions: [modernVersion], capabilities, instructions }),
      rateClass: 'list',
      ttlMs: listTtlMs,
      only: 'modern',
    },
  ],
  ['tools/list', { run: listTools, rateClass: 'list', ttlMs: listTtlMs, isList: true }],
  ['resources/list', { run: listResources, rateClass: 'list', ttlMs: 0, isList: true }],
  ['resources/templates/list', { run: () => resourceTemplates, rateClass: 'list', ttlMs: listTtlMs, isList: true }],
  [
    'resources/read',
    { run: (services, caller, { uri }) => readResource(services, caller, uri), rateClass: 'download', ttlMs: 0 },
  ],
]);

async function listTools({ runnerInfo, plans }: McpServices, { principal }: Caller): Promise<object> {
  const plan = planOf(plans, principal);
  const [languages, wallMs] = await Promise.all([runnerInfo.languages(), runnerInfo.usualWallMs(plan)]);
  const about = { languages, wallMs, maxWallMs: plan.maxWallMs };
  return { tools: tools.map((tool) => tool.definition(about)) };
}

/** A method other than `tools/call`. @throws RpcError when this era has none of this name, and for a cursor that was never given */
export function methodOf({ method, params }: RpcRequest, caller: Pick<Caller, 'legacy'>): MethodEntry {
  const entry = methods.get(method);
  const era = caller.legacy ? 'legacy' : 'modern';
  if (entry && (entry.only ?? era) === era) {
    // Some clients send an empty cursor for the first page.
    if (entry.isList && (params.cursor ?? '') !== '')
      throw new RpcError(rpcCodes.invalidParams, 'Unknown cursor. The list has one page: send none.', { status: 200 });
    return entry;
  }
  // Clients of the older revisions take a 404 for the end of their session.
  throw new RpcError(rpcCodes.methodNotFound, 'Method not found', { status: caller.legacy ? 200 : 404 });
}

/** The tool that a `tools/call` names, and its arguments. @throws RpcError */
export function toolOf({ params: { name, arguments: given = {} } }: RpcRequest): { tool: Tool; given: unknown } {
  const tool = typeof name === 'string' ? toolByName.get(name) : undefined;
  if (!tool) {
    const known = tools.map((tool) => tool.name).join(', ');
    throw new RpcError(rpcCodes.invalidParams, `Unknown tool. There are: ${known}.`, { status: 200 });
  }
  if (given !== null && !isObject(given))
    throw new RpcError(rpcCodes.invalidParams, 'arguments must be an object.', { status: 200 });
  return { tool, given: given ?? {} };
}

/** A result as its era wants it. @param ttlMs undefined: it may not be kept */
export function resultOf(result: object, isModern: boolean, { mcp }: Pick<McpServices, 'mcp'>, ttlMs?: number): object {
  if (!isModern) return result;
  const { _meta, ...rest } = result as { _meta?: object };
  return {
    ...rest,
    resultType: 'complete',
    ...(ttlMs === undefined ? {} : { ttlMs, cacheScope: 'private' }),
    _meta: { ..._meta, [serverInfoKey]: serverInfo(mcp.version) },
  };
}
