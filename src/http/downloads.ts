import type { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { StoredFile } from '../core/index.ts';

/** What `sendFile` answers, as an operation describes it. */
export const fileAnswer = {
  description: 'The bytes, with the type, length and name of the file.',
  content: { type: '*/*', schema: z.unknown() },
  headers: { 'Content-Disposition': z.string(), 'Content-Length': z.int() },
};

/** Answers with a stored file's bytes, to be saved under its own name or under `name`. */
export function sendFile(
  reply: FastifyReply,
  { file, content }: { readonly file: StoredFile; readonly content: Readable },
  name = file.name,
): FastifyReply {
  return reply
    .header('content-type', file.contentType)
    .header('content-length', file.size)
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
