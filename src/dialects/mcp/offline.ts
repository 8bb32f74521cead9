import { textBlock } from './content.ts';
import { agreedVersion, isLegacyVersion, modernVersion } from './eras.ts';
import { isObject, metaOf, rpcCodes } from './json-rpc.ts';
import { initializeResult, resultOf } from './methods.ts';
import { tools } from './tools/index.ts';

/** What tools tell of a service that does not answer: what every one has. */
const about = {
  languages: [
    {
      name: 'python',
      title: 'Python',
      aliases: [],
      compile: null,
      run: [],
      check: null,
      versions: {},
      keepsVariables: true,
    },
  ],
  wallMs: 30_000,
  maxWallMs: 300_000,
  tier: 'namespaces',
  otherTiers: [],
};

/**
 * The answer of a bridge to a request when the service does not answer: hosts start all the same, list the tools, and each call says
 * the reason.
 */
export function offlineAnswer(
  { id, method, params }: { readonly id?: unknown; readonly method?: unknown; readonly params?: unknown },
  { reason, version }: { readonly reason: string; readonly version: string },
): object {
  const given = isObject(params) ? params : {};
  const isModern = metaOf(given)['io.modelcontextprotocol/protocolVersion'] !== undefined;
  const mcp = { version, secret: Buffer.alloc(0), publicUrl: undefined, origins: [], shownChars: 0, links: false };
  const result = (value: object, ttlMs?: number) => ({ id, result: resultOf(value, isModern, { mcp }, ttlMs) });
  const { protocolVersion } = given;
  const greeting = initializeResult(isLegacyVersion(protocolVersion) ? protocolVersion : agreedVersion(undefined), {
    mcp,
  });
  switch (method) {
    case 'initialize':
      return result(greeting);
    case 'ping':
      return result({});
    case 'server/discover': {
      const { capabilities, instructions } = greeting;
      return result({ supportedVersions: [modernVersion], capabilities, instructions }, 0);
    }
    case 'tools/list':
      return result({ tools: tools.map((tool) => tool.definition(about)) }, 0);
    case 'tools/call':
      return result({ content: [textBlock(reason)], isError: true });
    default:
      return { id, error: { code: rpcCodes.server, message: reason } };
  }
}
