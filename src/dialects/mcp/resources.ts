import type { StoredFile } from '../../core/index.ts';
import { DragomanError, type Principal } from '../../core/index.ts';
import type { Caller } from './call.ts';
import { RpcError, rpcCodes } from './json-rpc.ts';
import type { McpServices } from './services.ts';
import { findFile, readWhole } from './session-file.ts';
import { fileUri, fileUriTemplate, readFileUri } from './uris.ts';
import { currentSession } from './workplace.ts';

/** Larger files are for HTTP: this protocol has no ranges. */
const mostBytes = 8 * 1024 * 1024;
const mostListed = 1000;

/** The files of the session that the client works in without naming it: never those of all sessions of a key. */
export async function listResources({ sessions }: McpServices, caller: Caller): Promise<object> {
  const session = await currentSession(sessions, caller);
  const files = session ? await sessions.files(caller.principal, session.id) : [];
  return {
    resources: files.slice(0, mostListed).map(({ sessionId, name, contentType, size }) => ({
      uri: fileUri(sessionId, name),
      name,
      mimeType: contentType,
      size,
    })),
  };
}

export const resourceTemplates = {
  resourceTemplates: [
    {
      uriTemplate: fileUriTemplate,
      name: 'session file',
      title: 'A file of a session',
      description: 'Any file of a session, by the session_id of a result and the path of the file.',
    },
  ],
};

/** @throws RpcError for what is not there, or is another's */
export async function readResource(services: McpServices, caller: Caller, uri: unknown): Promise<object> {
  if (typeof uri !== 'string') throw new RpcError(rpcCodes.invalidParams, 'uri must be text.', { status: 200 });
  const named = readFileUri(uri);
  const file = named && (await found(services, caller.principal, named));
  if (!file)
    throw new RpcError(caller.legacy ? rpcCodes.resourceNotFound : rpcCodes.invalidParams, 'Resource not found.', {
      status: 200,
      data: { uri: uri.slice(0, 5000) },
    });
  if (file.size > mostBytes)
    throw new RpcError(
      rpcCodes.invalidParams,
      `The file is larger than ${mostBytes} bytes. Download it by HTTP: GET /v1/sessions/${named.sessionId}/files/${named.path}`,
      { status: 200 },
    );
  const bytes = await readWhole(services, caller, file);
  const mimeType = file.contentType;
  const text = isText(mimeType) ? utf8Of(bytes) : undefined;
  const content = text === undefined ? { blob: bytes.toString('base64') } : { text };
  return { contents: [{ uri, mimeType, ...content }] };
}

async function found(
  services: McpServices,
  principal: Principal,
  { sessionId, path }: { sessionId: string; path: string },
): Promise<StoredFile | undefined> {
  try {
    return await findFile(services, principal, sessionId, path);
  } catch (error) {
    if (error instanceof DragomanError && error.code !== 'internal' && !error.retryable) return undefined;
    throw error;
  }
}

function isText(mimeType: string): boolean {
  return /^text\/|[/+](?:json|xml|yaml|javascript|typescript|jsonl|x-ndjson|sql|toml|x-sh)\b/.test(mimeType);
}

function utf8Of(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
