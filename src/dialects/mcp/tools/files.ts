import { z } from 'zod';
import { clientPath, DragomanError, type StoredFile } from '../../../core/index.ts';
import { parse } from '../../../http/index.ts';
import { isDocument, notesOn } from '../../../service/index.ts';
import { linksTo, sessionNote, sizeText, textBlock } from '../content.ts';
import { documentText, findFile, openFile, readWhole } from '../session-file.ts';
import { fileUri } from '../uris.ts';
import { workplaceOf } from '../workplace.ts';
import { optionalCount, optionalHandle, optionalText, required } from './arguments.ts';
import { bytesOfBase64, bytesOfText } from './base64.ts';
import { readLines } from './text-lines.ts';
import { sessionIdProperty, type Tool } from './tool.ts';

const pathProperty = { type: 'string', description: 'Relative to the working directory, as data/sales.csv.' } as const;

const writeArguments = z.object({
  path: required('where to write'),
  text: optionalText,
  base64: optionalText,
  session_id: optionalHandle,
});

export const writeFile: Tool = {
  name: 'write_file',
  rateClass: 'upload',
  isLong: false,
  definition: () => ({
    name: 'write_file',
    title: 'Write a file',
    description:
      'Writes a file into the working directory of the sandbox, with its folders, and replaces one that is there. Give either text or base64.',
    inputSchema: {
      type: 'object',
      properties: {
        path: pathProperty,
        text: { type: 'string', description: 'Content, as text.' },
        base64: { type: 'string', description: 'Content that is no text, in base64.' },
        session_id: sessionIdProperty,
      },
      required: ['path'],
    },
    annotations: {
      title: 'Write a file',
      readOnlyHint: false,
      destructiveHint: true,
      idempotentHint: true,
      openWorldHint: false,
    },
  }),
  async call(services, { caller }, given) {
    const { path, text, base64, session_id } = parse(writeArguments, given);
    if ((text === undefined) === (base64 === undefined))
      throw new DragomanError('invalid_request', { message: 'Give either text or base64.' });
    const name = clientPath(path);
    const { sessionId, isNew } = await workplaceOf(services, caller, session_id, true);
    const content = text === undefined ? bytesOfBase64(base64!) : bytesOfText(text);
    const file = await services.sessions.putFile(caller.principal, sessionId, { name, contentType: '', content });
    return {
      content: [textBlock(`Wrote ${name} (${sizeText(file.size)}).\n${sessionNote(sessionId, isNew)}`)],
      _meta: { 'dragoman/file': { session_id: sessionId, ...described(file) } },
    };
  },
};

const usualLines = 2000;
const mostPictureBytes = 4 * 1024 * 1024;
const pictureTypes = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp']);

const readArguments = z.object({
  path: required('which file to read'),
  offset: optionalCount,
  limit: optionalCount,
  session_id: optionalHandle,
});

export const readFile: Tool = {
  name: 'read_file',
  rateClass: 'download',
  // A document is opened in a sandbox first.
  isLong: true,
  definition: () => ({
    name: 'read_file',
    title: 'Read a file',
    description:
      'Reads a file of the sandbox: the lines of a text, the beginning of a document or table (xlsx, docx, pdf, pptx, parquet, sqlite and the like) as text, or an image as an image. Other files are only linked; run code to look into them.',
    inputSchema: {
      type: 'object',
      properties: {
        path: pathProperty,
        offset: { type: 'integer', minimum: 1, default: 1, description: 'First line.' },
        limit: { type: 'integer', minimum: 1, default: usualLines, description: 'Most lines.' },
        session_id: sessionIdProperty,
      },
      required: ['path'],
    },
    annotations: { title: 'Read a file', readOnlyHint: true, openWorldHint: false },
  }),
  async call(services, { caller, signal }, given) {
    const { path, offset = 1, limit = usualLines, session_id } = parse(readArguments, given);
    const { principal } = caller;
    const { sessionId } = await workplaceOf(services, caller, session_id, false);
    const file = await findFile(services, principal, sessionId, path);
    const { contentType, size, name } = file;
    const note = sessionNote(sessionId);
    const kind = contentType.split(';')[0]!;
    if (pictureTypes.has(kind) && size <= mostPictureBytes) {
      const data = (await readWhole(services, caller, file)).toString('base64');
      return { content: [textBlock(`${name}\n${note}`), { type: 'image', data, mimeType: kind }] };
    }
    const isPicture = pictureTypes.has(kind);
    const itself = isPicture ? undefined : await readLines(await openFile(services, principal, file), offset, limit);
    const read =
      itself || isPicture || !isDocument(name) ? undefined : await documentText(services, principal, file, signal);
    const lines = itself ?? (read && 'content' in read ? await readLines(read.content, offset, limit) : undefined);
    if (!lines) {
      const why = read && 'refusal' in read ? ` ${read.refusal}` : '';
      const text = `${name} is no text: ${contentType}, ${sizeText(size)}.${why} Run code to look into it.`;
      return { content: [textBlock(`${text}\n${note}`), ...linksTo([file], caller)] };
    }
    const rest = lines.next === undefined ? [] : [`[More lines follow: read on with offset ${lines.next}.]`];
    const isEmpty = lines.text === '' && lines.next === undefined;
    const shown = isEmpty ? [size === 0 ? '[The file is empty.]' : `[No line ${offset}.]`] : [lines.text];
    const about = itself ? [] : [`[${name} as text, not more than its first rows or pages:]`];
    return { content: [textBlock([...about, ...shown, ...rest, note].join('\n'))] };
  },
};

const mostListed = 1000;

const listArguments = z.object({ session_id: optionalHandle });

export const listFiles: Tool = {
  name: 'list_files',
  rateClass: 'list',
  isLong: false,
  definition: () => ({
    name: 'list_files',
    title: 'List files',
    description: 'Lists the files of the session, with their sizes, and what tables and documents hold.',
    inputSchema: { type: 'object', properties: { session_id: sessionIdProperty } },
    outputSchema: {
      type: 'object',
      properties: {
        session_id: { type: 'string' },
        files: {
          type: 'array',
          items: {
            type: 'object',
            properties: {
              path: { type: 'string' },
              size: { type: 'integer', description: 'Bytes.' },
              mime: { type: 'string' },
              modified: { type: 'string', format: 'date-time' },
              uri: { type: 'string' },
            },
            required: ['path', 'size', 'mime', 'modified', 'uri'],
          },
        },
      },
      required: ['session_id', 'files'],
    },
    annotations: { title: 'List files', readOnlyHint: true, openWorldHint: false },
  }),
  async call(services, { caller }, given) {
    const { session_id } = parse(listArguments, given);
    const { sessionId } = await workplaceOf(services, caller, session_id, false);
    const files = await services.sessions.files(caller.principal, sessionId);
    const listed = files.slice(0, mostListed);
    const notes = await notesOn(
      services.previews,
      caller.principal,
      listed.map(({ name, digest, size }) => ({ path: name, name, digest, size })),
    );
    const lines = listed.map(({ name, size }) => {
      const note = notes.get(name);
      return `${name} (${sizeText(size)})${note === undefined ? '' : `: ${note}`}`;
    });
    const more = files.length - listed.length;
    if (more > 0) lines.push(`[and ${more} more]`);
    if (lines.length === 0) lines.push('[There are no files.]');
    return {
      content: [textBlock([...lines, sessionNote(sessionId)].join('\n'))],
      structuredContent: { session_id: sessionId, files: listed.map(described) },
    };
  },
};

function described(file: StoredFile) {
  const { sessionId, name, size, contentType, createdAt } = file;
  return {
    path: name,
    size,
    mime: contentType,
    modified: new Date(createdAt).toISOString(),
    uri: fileUri(sessionId, name),
  };
}
