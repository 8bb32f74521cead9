import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { FastifyInstance, onRequestAsyncHookHandler } from 'fastify';
import { DragomanError } from '../../core/index.ts';
import { makeSharedAnswer, type SharedAnswer, sendShared } from '../shared-answer.ts';

export interface ReferenceOptions {
  readonly title: string;
  /** Address of the OpenAPI document. */
  readonly document: string;
}

/** The page for people, as the worker makes it. */
export interface Reference {
  readonly html: string;
  /** Digests by which a content security policy allows the inline scripts of the page. */
  readonly inlineScripts: readonly string[];
  /** The one script that it loads. */
  readonly script: Uint8Array;
}

interface Page {
  readonly html: SharedAnswer;
  readonly policy: string;
  readonly script: SharedAnswer;
}

const deadlineMs = 20_000;

/**
 * Serves a page for people of the OpenAPI document at `/docs/`. It is made at the first request, needs nothing from another
 * host, and may not reach one.
 */
export function addReferencePage(
  app: FastifyInstance,
  options: ReferenceOptions,
  admit: onRequestAsyncHookHandler,
): void {
  let made: Promise<Page> | undefined;
  const page = () => {
    made ??= makePage(options).catch((error) => {
      made = undefined;
      throw error;
    });
    return made;
  };
  app.get('/docs', { onRequest: admit }, (_request, reply) => reply.redirect('docs/', 308));
  app.get('/docs/', { onRequest: admit }, async (request, reply) => {
    const { html, policy } = await page();
    reply.header('content-security-policy', policy).header('referrer-policy', 'no-referrer');
    return sendShared(request, reply, html);
  });
  app.get('/docs/js/scalar.js', { onRequest: admit }, async (request, reply) =>
    sendShared(request, reply, (await page()).script),
  );
}

async function makePage(options: ReferenceOptions): Promise<Page> {
  const { html, inlineScripts, script } = await makeReference(options);
  return {
    html: await makeSharedAnswer('text/html; charset=utf-8', Buffer.from(html)),
    policy: policyOf(inlineScripts),
    script: await makeSharedAnswer('text/javascript; charset=utf-8', script),
  };
}

/** Allows the page's own scripts and the document. The scripts of the page write its styles. */
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
