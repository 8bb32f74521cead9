import { expect, it, onTestFinished } from 'vitest';
import { createMetrics } from './metrics.ts';
import { serveMetrics } from './metrics-server.ts';

it('shows metrics at /metrics, and nothing else', async () => {
  const metrics = createMetrics();
  let breaks = 2;
  metrics.gauge('places', 'Places', () => 4);
  metrics.total('breaks', 'Breaks', () => breaks);
  const server = await serveMetrics(metrics, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => server.close());
  const read = async () => (await fetch(server.url)).text();
  expect(await read()).toMatch(/^# TYPE dragoman_places gauge\ndragoman_places 4$/m);
  expect(await read()).toMatch(/^# TYPE dragoman_breaks_total counter\ndragoman_breaks_total 2$/m);
  breaks = 5;
  expect(await read()).toMatch(/^dragoman_breaks_total 5$/m);
  for (const path of ['/', '/metrics/x', '/../etc/passwd'])
    expect((await fetch(new URL(path, server.url))).status).toBe(404);
  expect((await fetch(server.url, { method: 'POST', body: 'x' })).status).toBe(404);
});
