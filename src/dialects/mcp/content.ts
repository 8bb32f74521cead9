import type { StoredFile } from '../../core/index.ts';
import type { Caller } from './call.ts';
import { fileUri } from './uris.ts';

/** What a tool answers. */
export interface ToolAnswer {
  readonly content: readonly Block[];
  readonly isError?: true;
  readonly structuredContent?: object;
  readonly _meta?: object;
}

export type Block =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image'; readonly data: string; readonly mimeType: string }
  | {
      readonly type: 'resource_link';
      readonly uri: string;
      readonly name: string;
      readonly mimeType: string;
      readonly size: number;
      readonly description?: string;
      readonly annotations: { readonly audience: readonly ['user'] };
    };

/** More files of one result are named in its text alone. */
const mostLinks = 50;
/** Each address costs a model some hundred tokens. */
const mostAddresses = 10;

export const textBlock = (text: string): Block => ({ type: 'text', text });

/** Links to files. Clients of the first revision do not know links and would refuse the whole result. */
export function linksTo(files: readonly StoredFile[], { links, legacy, download }: Caller): Block[] {
  if (!links || legacy?.version === '2025-03-26') return [];
  return files.slice(0, mostLinks).map((file) => {
    const { sessionId, name, contentType, size } = file;
    const address = download(file);
    return {
      type: 'resource_link',
      uri: fileUri(sessionId, name),
      name,
      mimeType: contentType,
      size,
      ...(address === undefined ? {} : { description: `Download: ${address}` }),
      annotations: { audience: ['user'] },
    };
  });
}

/** Lines for the model with the addresses of files, which it can pass on; none where the service knows no address of its own. */
export function downloadNotes(files: readonly StoredFile[], { download }: Caller): string[] {
  const addresses = files.slice(0, mostAddresses).flatMap((file) => {
    const address = download(file);
    return address === undefined ? [] : [`${file.name.replace(/\p{Cc}/gu, '?')}: ${address}`];
  });
  return addresses.length === 0 ? [] : ['[To give to the user:', ...addresses, ']'];
}

export const sessionNote = (sessionId: string, isNew = false) =>
  `[session_id ${sessionId}${isNew ? ' (new session)' : ''}]`;

/** A size as people read it. */
export function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  const units = ['KB', 'MB', 'GB'];
  let value = bytes;
  let unit = 'bytes';
  for (const next of units) {
    if (value < 1024) break;
    value /= 1024;
    unit = next;
  }
  return `${value.toFixed(1)} ${unit}`;
}
