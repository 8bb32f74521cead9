import { createHash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { gzipSync } from 'node:zlib';
import scalar from '@scalar/fastify-api-reference';
import { fastify } from 'fastify';
import type { Reference, ReferenceOptions } from './page.ts';

/** Makes the reference page in a thread of its own: its library is several megabytes of source that are needed just once. */
const { title, document } = workerData as ReferenceOptions;
const app = fastify();
await app.register(scalar, {
  routePrefix: '/docs',
  configuration: {
    url: document,
    pageTitle: title,
    // Nothing may be fetched from or sent to anywhere else.
    withDefaultFonts: false,
    telemetry: false,
    proxyUrl: '',
    agent: { disabled: true },
    mcp: { disabled: true },
    hideClientButton: true,
    showDeveloperTools: 'never',
  },
});
const html = (await app.inject('/docs/')).body;
const script = (await app.inject('/docs/js/scalar.js')).rawPayload;
const inline = [...html.matchAll(/<script(?: type="text\/javascript")?>(.*?)<\/script>/gs)].map(
  ([, source]) => `'sha256-${createHash('sha256').update(source!).digest('base64')}'`,
);
const reference: Reference = { html, inlineScripts: inline, script: gzipSync(script), scriptDigest: digest(script) };
parentPort!.postMessage(reference);
await app.close();

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
