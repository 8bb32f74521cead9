import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { serve } from '../../../test/support/http.ts';

it('shows our own document and loads nothing from other hosts', async () => {
  const { app } = serve();
  const page = await app.inject('/docs/');
  expect([page.statusCode, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
  expect(page.body).toContain('"url": "../openapi.json"');
  expect(page.body).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
  const policy = String(page.headers['content-security-policy']);
  expect(policy).not.toMatch(/https?:|\*|unsafe-eval|script-src[^;]*unsafe-inline/);
  const inline = [...page.body.matchAll(/<script[^>]*>(.*?)<\/script>/gs)].filter(([, source]) => source !== '');
  expect(inline).toHaveLength(1);
  expect(policy).toContain(`'sha256-${createHash('sha256').update(inline[0]![1]!).digest('base64')}'`);
});

it('has its script, compressed for who takes it so, once for who has it', async () => {
  const { app } = serve();
  const zipped = await app.inject({ url: '/docs/js/scalar.js', headers: { 'accept-encoding': 'gzip, br' } });
  expect(zipped.headers['content-encoding']).toBe('gzip');
  const plain = await app.inject('/docs/js/scalar.js');
  expect(plain.headers['content-encoding']).toBeUndefined();
  expect(plain.rawPayload.length).toBeGreaterThan(zipped.rawPayload.length);
  const { etag } = plain.headers;
  const again = await app.inject({ url: '/docs/js/scalar.js', headers: { 'if-none-match': String(etag) } });
  expect(again.statusCode).toBe(304);
});

it('is found without the slash, below a key too', async () => {
  const { app } = serve();
  const { statusCode, headers } = await app.inject('/docs');
  expect([statusCode, headers.location]).toEqual([308, 'docs/']);
});
