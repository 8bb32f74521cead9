import { expect, test, vi } from 'vitest';
import { apiKey, rawConnection, serve } from '../../test/support/http.ts';

const requests = (log: Record<string, unknown>[]) => log.filter(({ msg }) => msg === 'request');

test('one line a request, with the pattern of its route', async () => {
  const { listen, log } = serve();
  const base = await listen();
  await (await fetch(`${base}/v1/files/7`, { headers: { 'x-api-key': apiKey, 'x-request-id': 'r1' } })).text();
  await (await fetch(`${base}/nothing`)).text();
  await vi.waitFor(() => expect(requests(log)).toHaveLength(2), 20_000);
  expect(requests(log)[0]).toEqual({
    level: 'info',
    time: expect.any(String),
    method: 'GET',
    route: '/files/:id',
    status: 200,
    ms: expect.any(Number),
    requestId: 'r1',
    principal: 'tester',
    msg: 'request',
  });
  expect(requests(log)[1]).toMatchObject({ route: 'none', status: 404 });
  expect(requests(log)[1]).not.toHaveProperty('principal');
});

test('a caller who leaves before the answer is told as 499', async () => {
  const { listen, log } = serve();
  const { socket } = rawConnection(await listen());
  socket.write(`GET /wait/1000 HTTP/1.1\r\nhost: x\r\nx-api-key: ${apiKey}\r\n\r\n`);
  await new Promise((resolve) => setTimeout(resolve, 200));
  socket.destroy();
  await vi.waitFor(() => expect(requests(log)).toHaveLength(1), 20_000);
  expect(requests(log)[0]).toMatchObject({ status: 499, route: '/wait/:ms' });
});

test('no credential, address, query or body reaches the log, however it came and whatever went wrong', async () => {
  const { listen, log } = serve();
  const base = await listen();
  const secret = 'hunter2-hunter2';
  const basic = Buffer.from(`user:${secret}`).toString('base64');
  const forms: Record<string, string>[] = [
    { 'x-api-key': secret },
    { 'api-key': secret },
    { authorization: `Bearer ${secret}` },
    { authorization: `Basic ${basic}` },
    { authorization: `Odd ${secret}` },
    { 'x-api-key': secret, authorization: 'Bearer other' },
    { 'x-api-key': apiKey },
  ];
  const targets = [
    '/exec',
    '/v1/exec',
    `/k/${secret}/exec`,
    `/k/${apiKey}/exec`,
    `/crash?${secret}`,
    `/%zz/${secret}`,
    `/${secret}`,
  ];
  const bodies = [
    JSON.stringify({ code: secret, apiKey: secret }),
    `{"broken": "${secret}`,
    `"${secret.repeat(2000)}"`,
  ];
  let count = 0;
  for (const headers of forms)
    for (const target of targets)
      for (const body of target.includes('exec') ? bodies : [undefined]) {
        const init = { headers: { 'content-type': 'application/json', ...headers } };
        const response = await fetch(base + target, body === undefined ? init : { ...init, method: 'POST', body });
        await response.text();
        count++;
      }
  await vi.waitFor(() => expect(requests(log)).toHaveLength(count), 20_000);
  const text = JSON.stringify(log);
  for (const part of [secret, apiKey, basic]) expect(text).not.toContain(part);
});
