import type { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { ByteRange, StoredFile } from '../core/index.ts';

const content = { type: '*/*', schema: z.unknown() };
const headers = {
  'Content-Disposition': z.string(),
  'Content-Length': z.int(),
  'Accept-Ranges': z.string(),
  ETag: z.string().describe('sha256 of the whole content.'),
};

/** What `sendFile` answers, as a route describes it. */
export const fileAnswers = {
  200: { description: 'The bytes, with the type, length and name of the file.', content, headers },
  206: {
    description: 'The bytes that `Range` asks for.',
    content,
    headers: { ...headers, 'Content-Range': z.string() },
  },
};

/** Headers that a route with `fileAnswers` reads. */
export const fileHeaders = z.object({
  range: z.string().optional().describe('One range of bytes, such as `bytes=0-1023`.'),
  'if-range': z.string().optional().describe('The range counts only if this is the `ETag` of the file.'),
});

/** Chooses the bytes of a file that are sent; undefined: all of them. */
export type RangeOf = (file: StoredFile) => ByteRange | undefined;

/**
 * The range that a request asks for. Several ranges, a range outside the file, and one of another content than the file has now
 * (`If-Range`) are answered with the whole file.
 */
export function requestedRange({ headers }: FastifyRequest): RangeOf {
  const [, first, last] = /^\s*bytes\s*=\s*(\d{0,15})\s*-\s*(\d{0,15})\s*$/.exec(headers.range ?? '') ?? [];
  const condition = headers['if-range'];
  return ({ size, digest }) => {
    if (first === undefined || last === undefined || first + last === '') return undefined;
    if (condition !== undefined && condition !== `"${digest}"`) return undefined;
    const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
    const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
    return start <= end ? { start, end } : undefined;
  };
}

/** Answers with a stored file's bytes, to be saved under its own name or under `name`. */
export function sendFile(
  reply: FastifyReply,
  {
    file,
    content,
    range,
  }: { readonly file: StoredFile; readonly content: Readable; readonly range?: ByteRange | undefined },
  name = file.name,
): FastifyReply {
  if (range) reply.code(206).header('content-range', `bytes ${range.start}-${range.end}/${file.size}`);
  return reply
    .header('content-type', file.contentType)
    .header('content-length', range ? range.end - range.start + 1 : file.size)
    .header('accept-ranges', 'bytes')
    .header('etag', `"${file.digest}"`)
    .header('content-disposition', contentDisposition(name))
    .send(content);
}

/** RFC 5987: every byte outside the unreserved characters percent-encoded, slashes too; half a character is a replacement character. */
export function contentDisposition(name: string): string {
  const encoded = encodeURIComponent(name.toWellFormed()).replace(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename*=UTF-8''${encoded}`;
}
