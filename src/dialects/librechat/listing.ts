import { extname } from 'node:path/posix';
import type { StoredFile } from '../../core/index.ts';
import { sessionIds } from './answers.ts';

/** `<session>/<file>.<ending>`: how the reference server names an object, and what old clients take the id from. */
function objectName(file: StoredFile): string {
  const ending = extname(file.name);
  return `${file.sessionId}/${file.id}${/^\.[A-Za-z0-9]{1,16}$/.test(ending) ? ending : ''}`;
}

function common(file: StoredFile) {
  return {
    id: file.id,
    fileId: file.id,
    ...sessionIds(file.sessionId),
    size: file.size,
    lastModified: new Date(file.createdAt).toISOString(),
    etag: file.digest,
  };
}

/** One element of `GET /files/{sid}`: an unknown or missing `detail` means `simple`. */
export function listElement(file: StoredFile, detail: string | null | undefined): object | string {
  const { name: original, contentType } = file;
  if (detail === 'summary') return { name: objectName(file), ...common(file) };
  if (detail === 'full') {
    return {
      name: objectName(file),
      ...common(file),
      metadata: { 'original-filename': original, 'content-type': contentType },
      contentType,
      versionId: null,
    };
  }
  if (detail === 'normalized') {
    return { name: original, ...common(file), contentType, ...(file.readOnly ? { read_only: true } : {}) };
  }
  return objectName(file);
}

/** The answer of `GET /sessions/{sid}/objects/{fid}`. */
export function objectInfo(file: StoredFile): object {
  const { name: originalFilename, contentType, readOnly } = file;
  return { name: objectName(file), originalFilename, ...common(file), contentType, readOnly };
}
