import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { gunzipSync } from 'node:zlib';
import type { FastifyInstance } from 'fastify';
import { DragomanError } from '../../core/index.ts';

export interface ReferenceOptions {
  readonly title: string;
  /** Address of the OpenAPI document. */
  readonly document: string;
}

/** The page for people, as the worker makes it. */
export interface Reference {
  readonly html: string;
  /** What a content security policy allows its inline scripts by. */
  readonly inlineScripts: readonly string[];
  /** The one script it loads, compressed. */
  readonly script: Uint8Array;
  /** sha256 of the script. */
  readonly scriptDigest: string;
}

const deadlineMs = 20_000;

/**
 * Serves a page for people of the OpenAPI document at `/docs/`. It is made when somebody first asks for it, needs nothing from
 * any other host, and is not allowed to reach one.
 */
export function addReferencePage(app: FastifyInstance, options: ReferenceOptions): void {
  let made: Promise<Reference> | undefined;
  const reference = () => {
    made ??= makeReference(options).catch((error) => {
      made = undefined;
      throw error;
    });
    return made;
  };
  app.get('/docs', (_request, reply) => reply.redirect('docs/', 308));
  app.get('/docs/', async (_request, reply) => {
    const { html, inlineScripts } = await reference();
    return reply
      .header('content-security-policy', policyOf(inlineScripts))
      .header('referrer-policy', 'no-referrer')
      .type('text/html; charset=utf-8')
      .send(html);
  });
  app.get('/docs/js/scalar.js', async (request, reply) => {
    const { script, scriptDigest } = await reference();
    const etag = `"${scriptDigest}"`;
    reply.header('etag', etag).header('cache-control', 'no-cache').header('vary', 'accept-encoding');
    if (request.headers['if-none-match'] === etag) return reply.code(304).send();
    reply.type('text/javascript; charset=utf-8');
    if (!/\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''))) return reply.send(gunzipSync(script));
    return reply.header('content-encoding', 'gzip').send(script);
  });
}

/** Own scripts and the document alone. Styles are written by the page's own scripts into the page. */
function policyOf(inlineScripts: readonly string[]): string {
  return [
    "default-src 'none'",
    `script-src 'self' ${inlineScripts.join(' ')}`,
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

async function makeReference(options: ReferenceOptions): Promise<Reference> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: options });
  try {
    const [reference] = await once(worker, 'message', { signal: AbortSignal.timeout(deadlineMs) });
    return reference as Reference;
  } catch (cause) {
    throw new DragomanError('internal', { cause });
  } finally {
    await worker.terminate();
  }
}
