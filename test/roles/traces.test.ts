import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { startServer } from '../support/server.ts';

interface SentSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly attributes: readonly { readonly key: string; readonly value: object }[];
}

/** A collector that takes OTLP over HTTP as JSON. */
async function startCollector() {
  const spans: SentSpan[] = [];
  const bodies: string[] = [];
  const keys: (string | undefined)[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    bodies.push(body);
    keys.push(request.headers['x-collector-key'] as string | undefined);
    const sent = JSON.parse(body) as { resourceSpans: { scopeSpans: { spans: SentSpan[] }[] }[] };
    spans.push(...sent.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)));
    response.setHeader('content-type', 'application/json').end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, spans, bodies, keys, close };
}

it('a request is one trace from its caller to its cell, which holds no code and no data', async () => {
  const collector = await startCollector();
  onTestFinished(collector.close);
  const env = { DRAGOMAN_OTLP_URL: collector.url, DRAGOMAN_OTLP_HEADERS: 'x-collector-key=secret' };
  const server = await startServer({ env });
  onTestFinished(() => server.stop());
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  const send = async (path: string, body: object, traceparent: string) => {
    const headers = { authorization: `Bearer ${server.key}`, 'content-type': 'application/json', traceparent };
    const answer = await fetch(`${server.url}/v1${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    expect(answer.status, await answer.clone().text()).toBeLessThan(300);
    return (await answer.json()) as { id: string };
  };
  const unsampled = '00-11111111111111111111111111111111-b7ad6b7169203331-00';
  const { id } = await send('/sessions', {}, unsampled);
  const code = 'open("hidden-name.txt", "w").write("x"); print("hidden-output")';
  await send(`/sessions/${id}/executions`, { language: 'python', code }, `00-${traceId}-b7ad6b7169203331-01`);
  // A caller that sends nonsense is traced as one that sends nothing.
  await send(
    `/sessions/${id}/executions`,
    { language: 'python', code: '1' },
    `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
  );

  const named = (name: string) => collector.spans.filter((span) => span.name === name);
  await expect.poll(() => named('execution').length).toBe(2);
  await expect
    .poll(() => collector.spans.find((span) => span.traceId === traceId && span.name.startsWith('POST')))
    .toBeDefined();
  const ours = collector.spans.filter((span) => span.traceId === traceId);
  const parentOf = (name: string) => {
    const span = ours.find((one) => one.name === name);
    return ours.find(({ spanId }) => spanId === span?.parentSpanId)?.name;
  };
  const request = ours.find(({ name }) => name.startsWith('POST '))!;
  expect(request.name).toBe('POST /sessions/:session_id/executions');
  expect(request.parentSpanId).toBe('b7ad6b7169203331');
  expect(parentOf('execution')).toBe(request.name);
  expect(parentOf('wait for a place')).toBe('execution');
  expect(parentOf('job')).toBe('execution');
  for (const step of ['prepare the sandbox', 'cell', 'store files']) expect(parentOf(step), step).toBe('job');
  expect(collector.spans.some((span) => span.traceId === '1'.repeat(32))).toBe(false);
  expect(collector.keys).toContain('secret');
  expect(collector.bodies.join()).not.toMatch(/hidden|print/);
});

it('a collector that is gone does not hold up requests or the end', async () => {
  const server = await startServer({ env: { DRAGOMAN_OTLP_URL: 'http://127.0.0.1:9' } });
  const body = JSON.stringify({ lang: 'py', code: 'print(6 * 7)' });
  const headers = { 'x-api-key': server.key, 'content-type': 'application/json' };
  const answer = await fetch(`${server.url}/v1/exec`, { method: 'POST', headers, body });
  expect(await answer.json()).toMatchObject({ stdout: '42\n' });
  await server.stop();
});
