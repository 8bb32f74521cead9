import type { FastifyReply, FastifyRequest } from 'fastify';
import type { StoredFile } from '../../core/index.ts';
import { abortOnDisconnect } from '../../http/index.ts';
import type { PreviewForm, Previews } from '../../service/index.ts';
import type { PreviewQuery } from './wire.ts';

/** The end of an address of a preview. */
export const previewEnding = '/preview';

const types: Record<PreviewForm, string> = {
  html: 'text/html; charset=utf-8',
  text: 'text/plain; charset=utf-8',
  json: 'application/json; charset=utf-8',
  png: 'image/png',
};

/** A browser that opens a preview shows it with an origin that nothing shares: it runs nothing, loads nothing and leads nowhere. */
const policy =
  "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'";

/** Answers with a preview of a file. @throws DragomanError as `Previews.make` */
export async function sendPreview(
  previews: Previews,
  file: StoredFile,
  form: PreviewForm,
  { page, sheet, offset, width }: PreviewQuery,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const made = await previews.make(
    request.principal,
    file,
    { form, page, sheet, offset, width },
    abortOnDisconnect(reply),
  );
  const etag = `"${made.digest}"`;
  reply
    .header('etag', etag)
    .header('cache-control', 'private, no-cache')
    .header('vary', 'Accept')
    .header('x-content-type-options', 'nosniff')
    .header('content-security-policy', policy);
  if (request.headers['if-none-match'] === etag) return reply.code(304).send();
  return reply.header('content-type', types[form]).send(Buffer.from(made.bytes));
}

/** The form that an `Accept` header prefers; a summary where it names none. */
export function acceptedForm(accept = ''): PreviewForm {
  const wanted = accept
    .split(',')
    .map((each) => each.split(';')[0]!.trim().toLowerCase())
    .find((type) => type in byType);
  return byType[wanted ?? ''] ?? 'json';
}

const byType: Readonly<Record<string, PreviewForm>> = {
  'text/html': 'html',
  'text/plain': 'text',
  'application/json': 'json',
  'image/png': 'png',
  'image/*': 'png',
};
