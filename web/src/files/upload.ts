import { signal } from '@preact/signals';
import { ApiError, pathPart } from '../api/http.ts';
import type { StoredFile } from '../api/types.ts';

/** A file on its way to a session. */
export interface Upload {
  readonly name: string;
  readonly size: number;
  /** From 0 to 1. */
  readonly done: number;
  readonly fault: string;
  readonly cancel: () => void;
}

export const uploads = signal<readonly Upload[]>([]);
const atOnce = 3;

/** Uploads files into a session, three at a time. Returns those that arrived. */
export async function uploadAll(sessionId: string, files: readonly File[]): Promise<StoredFile[]> {
  const waiting = [...files];
  const arrived: StoredFile[] = [];
  const work = async () => {
    for (let file = waiting.shift(); file; file = waiting.shift()) {
      const stored = await upload(sessionId, file);
      if (stored) arrived.push(stored);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return arrived;
}

/** `fetch` tells nothing of how far a body has got. */
function upload(sessionId: string, file: File): Promise<StoredFile | undefined> {
  const request = new XMLHttpRequest();
  let own: Upload = { name: file.name, size: file.size, done: 0, fault: '', cancel: () => request.abort() };
  const show = (change: Partial<Upload>) => {
    const next = { ...own, ...change };
    uploads.value = uploads.value.map((each) => (each === own ? next : each));
    own = next;
  };
  const forget = () => {
    uploads.value = uploads.value.filter((each) => each !== own);
  };
  uploads.value = [...uploads.value, own];
  return new Promise((resolve) => {
    const fail = (message: string) => {
      show({ fault: message, cancel: forget });
      resolve(undefined);
    };
    request.upload.onprogress = ({ loaded, total }) => show({ done: total > 0 ? loaded / total : 0 });
    request.onabort = () => {
      forget();
      resolve(undefined);
    };
    request.onerror = () => fail('The service does not answer.');
    request.onload = () => {
      if (request.status >= 300) return fail(reasonOf(request));
      forget();
      resolve(JSON.parse(request.responseText));
    };
    request.open('PUT', `/v1/sessions/${sessionId}/files/${pathPart(file.name)}`);
    request.setRequestHeader('x-dragoman-ui', '1');
    request.setRequestHeader('content-type', file.type || 'application/octet-stream');
    request.send(file);
  });
}

function reasonOf({ status, responseText }: XMLHttpRequest): string {
  try {
    const { error, message } = JSON.parse(responseText);
    return String(message ?? error);
  } catch {
    return new ApiError(status, `The service answered ${status}.`).message;
  }
}
