import { clientPath } from '../../core/index.ts';

const head = 'dragoman://sessions/';

export const fileUriTemplate = `${head}{session_id}/files/{+path}`;

/** The address of a file of a session in this protocol. */
export function fileUri(sessionId: string, path: string): string {
  return `${head}${sessionId}/files/${path.split('/').map(encodeURIComponent).join('/')}`;
}

/** What such an address names; undefined for any other text. */
export function readFileUri(uri: string): { readonly sessionId: string; readonly path: string } | undefined {
  const [, sessionId, encoded] = /^dragoman:\/\/sessions\/([\w-]{1,64})\/files\/(.{1,4000})$/.exec(uri) ?? [];
  if (sessionId === undefined || encoded === undefined) return undefined;
  try {
    return { sessionId, path: clientPath(decodeURIComponent(encoded)) };
  } catch {
    return undefined;
  }
}
