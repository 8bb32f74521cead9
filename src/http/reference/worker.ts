import { createHash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import scalar from '@scalar/fastify-api-reference';
import { fastify } from 'fastify';
import type { Reference, ReferenceOptions } from './page.ts';

/** Makes the reference page in a thread of its own, because its library is several megabytes of source and is needed once. */
const { title, document } = workerData as ReferenceOptions;
const app = fastify();
await app.register(scalar, {
  routePrefix: '/docs',
  configuration: {
    url: document,
    pageTitle: title,
    // Nothing is fetched from another host or sent to one.
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
const reference: Reference = { html, inlineScripts: inline, script };
parentPort!.postMessage(reference);
await app.close();
