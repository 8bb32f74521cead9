import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer, type TestServer } from '../support/server.ts';
import { attacking } from './attack.ts';

/** What a neighbour, or a client that keeps to nothing, can do at the APIs of E2B and OpenSandbox. */
const keys = { ann: `e2b_${'a'.repeat(32)}`, bob: `e2b_${'b'.repeat(32)}` };
const maxFileBytes = 1024 * 1024;
let server: TestServer;
beforeAll(async () => {
  server = await startServer({
    env: {
      DRAGOMAN_API_KEYS: `ann:${keys.ann},bob:${keys.bob}`,
      DRAGOMAN_RATE_LIMITS: 'off',
      DRAGOMAN_MAX_UPLOAD_BYTES: String(maxFileBytes),
    },
  });
});
afterAll(() => server?.stop());

interface Made {
  readonly id: string;
  readonly token: string;
  readonly traffic: string;
}

async function make(key: string): Promise<Made> {
  const response = await send('POST', '/v2/sandboxes', { 'x-api-key': key }, { templateID: 'base' });
  const {
    sandboxID: id,
    envdAccessToken: token,
    trafficAccessToken: traffic,
  } = (await response.json()) as Record<string, string>;
  return { id: id!, token: token!, traffic: traffic! };
}

/** What a route of OpenSandbox answers. */
async function open(method: string, path: string, key: string, body?: unknown) {
  const response = await send(method, path, { 'open-sandbox-api-key': key }, body);
  return (await response.json()) as { id: string; endpoint: string; headers: Record<string, string> };
}

function send(method: string, path: string, headers: Record<string, string>, body?: unknown): Promise<Response> {
  return fetch(server.url + path, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

/** As `send`, also with a host name of the caller's choice, which `fetch` does not let through. */
function sendTo(method: string, path: string, headers: Record<string, string>, body?: unknown) {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
  const { hostname, port } = new URL(server.url);
  const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
  const asked = request({ hostname, port, method, path, headers: { ...type, ...headers } }, async (response) =>
    resolve({ status: response.statusCode!, text: await text(response) }),
  );
  asked.on('error', reject).end(body === undefined ? undefined : JSON.stringify(body));
  return promise;
}

const at = ({ id, token }: Made, port = 49_983) => ({
  'e2b-sandbox-id': id,
  'e2b-sandbox-port': String(port),
  'x-access-token': token,
});
const write = (made: Made, path: string, text: string) =>
  fetch(`${server.url}/files?path=${path}`, {
    method: 'POST',
    headers: { ...at(made), 'content-type': 'application/octet-stream' },
    body: text,
  });
const run = (made: Made, code: string) => send('POST', '/execute', at(made, 49_999), { code });

/** Signs an address as clients do. */
function signature(token: string, path: string, operation: string, username = '', expiry?: number): string {
  const parts = [path, operation, username, token, ...(expiry === undefined ? [] : [expiry])];
  return `v1_${createHash('sha256').update(parts.join(':')).digest('base64').replace(/=+$/, '')}`;
}

/** A frame of Connect. */
function framed(message: string | Buffer, flags = 0, size = Buffer.byteLength(message)): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(size, 1);
  return Buffer.concat([head, Buffer.from(message)]);
}

const stream = (made: Made, method: string, body: Uint8Array) =>
  fetch(`${server.url}/${method}`, {
    method: 'POST',
    headers: { ...at(made), 'content-type': 'application/connect+json' },
    body: Buffer.from(body),
  });

/** The error in the last frame of a stream. */
async function endOf(response: Response): Promise<{ code?: string; message?: string }> {
  const bytes = Buffer.from(await response.arrayBuffer());
  for (let from = 0; from < bytes.length; ) {
    const size = bytes.readUInt32BE(from + 1);
    const message = JSON.parse(bytes.toString('utf8', from + 5, from + 5 + size));
    if (bytes.readUInt8(from) & 2) return message.error ?? {};
    from += 5 + size;
  }
  return {};
}

describe('two keys', attacking('sandboxes'), () => {
  it('never reach each other’s sandboxes, by id, token, header, host name or signature', async () => {
    const [anns, bobs] = [await make(keys.ann), await make(keys.bob)];
    await write(anns, 'secret.txt', 'of ann');
    await run(anns, 'x = "of ann"');
    for (const [method, path, body] of [
      ['GET', `/sandboxes/${anns.id}`],
      ['DELETE', `/sandboxes/${anns.id}`],
      ['POST', `/v2/sandboxes/${anns.id}/connect`, {}],
      ['POST', `/sandboxes/${anns.id}/timeout`, { timeout: 1 }],
      ['POST', `/sandboxes/${anns.id}/pause`, {}],
      ['POST', `/sandboxes/${anns.id}/resume`, {}],
      ['POST', `/sandboxes/${anns.id}/refreshes`, {}],
      ['GET', `/sandboxes/${anns.id}/metrics`],
      ['GET', `/sandboxes/${anns.id}/logs`],
      ['PUT', `/sandboxes/${anns.id}/network`, {}],
    ] as const)
      expect((await send(method, path, { 'x-api-key': keys.bob }, body)).status, `${method} ${path}`).toBe(404);
    expect(await (await send('GET', '/v2/sandboxes', { 'x-api-key': keys.bob })).json()).toHaveLength(1);
    // Bob's tokens at Ann's sandbox, however it is named; his key counts for nothing there.
    const host = (port: number) => ({ host: `${port}-${anns.id}.localhost` });
    for (const headers of [
      { ...at(bobs), 'e2b-sandbox-id': anns.id },
      { ...at(bobs, 49_999), 'e2b-sandbox-id': anns.id, 'e2b-traffic-access-token': bobs.traffic },
      { 'e2b-sandbox-id': anns.id, 'e2b-sandbox-port': '49983', 'x-api-key': keys.ann },
      { 'e2b-sandbox-id': anns.id, 'e2b-sandbox-port': '49983', 'x-access-token': anns.traffic },
      { 'e2b-sandbox-id': anns.id.toUpperCase(), 'x-access-token': bobs.token },
      { ...host(49_983), 'x-access-token': bobs.token },
      { ...host(49_999), 'e2b-traffic-access-token': bobs.traffic },
      { ...host(49_983), authorization: `Basic ${Buffer.from(`user:${keys.ann}`).toString('base64')}` },
    ] as Record<string, string>[]) {
      for (const [method, path, body] of [
        ['GET', '/files?path=secret.txt'],
        ['POST', '/execute', { code: 'x' }],
        ['GET', '/contexts'],
        ['POST', '/process.Process/List', {}],
        ['POST', '/filesystem.Filesystem/Stat', { path: 'secret.txt' }],
      ] as const) {
        const response = await sendTo(method, path, headers, body);
        expect([401, 404, 502], `${method} ${path} ${JSON.stringify(headers)}`).toContain(response.status);
        expect(response.text).not.toContain('of ann');
      }
    }
    // With the right token the host name is enough.
    const mine = await sendTo('GET', '/files?path=secret.txt', { ...host(49_983), 'x-access-token': anns.token });
    expect(mine).toEqual({ status: 200, text: 'of ann' });
    // A sandbox's address written out is what the headers say, and needs the same token.
    expect(
      (await send('GET', `/e2b/sandbox/${anns.id}/49983/files?path=secret.txt`, { 'x-access-token': bobs.token }))
        .status,
    ).toBe(401);
    // Bob's signature names his own sandbox alone.
    const his = encodeURIComponent(signature(bobs.token, 'secret.txt', 'read'));
    expect((await fetch(`${server.url}/files?path=secret.txt&signature=${his}`)).status).toBe(404);
    expect((await send('GET', `/files?path=secret.txt&signature=${his}`, { 'e2b-sandbox-id': anns.id })).status).toBe(
      401,
    );
    expect(await (await run(anns, 'print(x, open("secret.txt").read())')).text()).toContain('of ann of ann');
  });

  it('never reach each other’s sandboxes of OpenSandbox', async () => {
    const anns = await open('POST', '/v1/sandboxes', keys.ann, {});
    const end = await open('GET', `/v1/sandboxes/${anns.id}/endpoints/44772`, keys.ann);
    const bobs = await open('POST', '/v1/sandboxes', keys.bob, {});
    const his = await open('GET', `/v1/sandboxes/${bobs.id}/endpoints/44772`, keys.bob);
    const path = new URL(`http://${end.endpoint}`).pathname;
    for (const headers of [his.headers, { 'open-sandbox-api-key': keys.bob }, {}])
      for (const [method, tail, body] of [
        ['GET', '/ping'],
        ['POST', '/code', { code: 'x' }],
        ['GET', '/code/contexts'],
        ['POST', '/command', { command: 'id' }],
        ['GET', '/files/download?path=/etc/passwd'],
        ['GET', '/files/info?path=/etc/passwd'],
        ['DELETE', '/files?path=/tmp/x'],
      ] as const)
        expect([401, 404], `${method} ${tail}`).toContain((await send(method, path + tail, headers, body)).status);
    // Each API has its own sandboxes.
    const e2b = await make(keys.ann);
    expect((await send('GET', `/sandboxes/${e2b.id}`, { 'open-sandbox-api-key': keys.ann })).status).toBe(404);
  });
});

describe('signed addresses', attacking('sandboxes'), () => {
  it('open one file for one purpose until their time is over', async () => {
    const made = await make(keys.ann);
    await write(made, 'a.txt', 'of ann');
    const soon = Math.floor(Date.now() / 1000) + 60;
    const url = (query: Record<string, string | number>) =>
      `${server.url}/files?${new URLSearchParams(Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]))}`;
    const good = signature(made.token, 'a.txt', 'read');
    const timed = signature(made.token, 'a.txt', 'read', '', soon);
    expect(await (await fetch(url({ path: 'a.txt', signature: good }))).text()).toBe('of ann');
    expect((await fetch(url({ path: 'a.txt', signature: timed, signature_expiration: soon }))).status).toBe(200);
    const past = Math.floor(Date.now() / 1000) - 1;
    for (const [query, method] of [
      [{ path: 'b.txt', signature: good }],
      [{ path: '/mnt/data/a.txt', signature: good }],
      [{ path: 'a.txt', signature: good }, 'POST'],
      [{ path: 'a.txt', signature: timed }],
      [{ path: 'a.txt', signature: timed, signature_expiration: soon + 1 }],
      [{ path: 'a.txt', signature: good, signature_expiration: soon }],
      [{ path: 'a.txt', signature: signature(made.token, 'a.txt', 'read', '', past), signature_expiration: past }],
      [{ path: 'a.txt', signature: signature(made.token, 'a.txt', 'read', 'root'), username: 'root' }],
      [{ path: 'a.txt', signature: signature(made.traffic, 'a.txt', 'read') }],
      [{ path: 'a.txt', signature: 'v1_' }],
      // The parts are joined by colons, so a path may look like another path and a purpose.
      [{ path: 'x', username: 'y:read:', signature: signature(made.token, 'x:write:y', 'read') }, 'POST'],
    ] as [Record<string, string | number>, string?][])
      expect((await fetch(url(query), { method: method ?? 'GET' })).status, JSON.stringify(query)).toBe(401);
    await send('DELETE', `/sandboxes/${made.id}`, { 'x-api-key': keys.ann });
    expect((await fetch(url({ path: 'a.txt', signature: good }))).status).toBe(401);
  });
});

describe('streams', attacking('sandboxes'), () => {
  it('are refused where their messages are too long, compressed, cut, deep or none', async () => {
    const made = await make(keys.ann);
    for (const [body, code] of [
      [framed('{}', 0, 0xffff_ffff), 'resource_exhausted'],
      [framed(gzipSync(Buffer.alloc(10_000_000)), 1), 'unimplemented'],
      [framed('{"process":', 0, 100), 'invalid_argument'],
      [framed('{"a":'.repeat(100_000)), 'invalid_argument'],
      [framed('not json'), 'invalid_argument'],
      [Buffer.alloc(0), 'invalid_argument'],
      [framed('{"process":{"cmd":5}}'), 'invalid_argument'],
      [framed('{"process":{"cmd":"a\\u0000b"}}'), 'invalid_argument'],
      [framed('{"__proto__":{"process":{"cmd":"id"}}}'), 'invalid_argument'],
      [framed('{"process":{"cmd":"id","envs":{"A=B":"c"}}}'), 'invalid_argument'],
    ] as const) {
      const response = await stream(made, 'process.Process/Start', body);
      const told = response.status === 200 ? await endOf(response) : ((await response.json()) as { code: string });
      expect(told.code, body.subarray(0, 40).toString()).toBe(code);
    }
    const plain = await send('POST', '/process.Process/Start', at(made), { process: { cmd: 'id' } });
    expect(plain.status).toBe(400);
    const packed = await send('POST', '/process.Process/List', { ...at(made), 'content-encoding': 'gzip' }, {});
    expect(packed.status).toBe(501);
  });

  it('that stop in the middle hold up no other request, and are given up', async () => {
    const made = await make(keys.ann);
    const { hostname, port } = new URL(server.url);
    const slow = Array.from({ length: 20 }, () => {
      const socket = connect(Number(port), hostname);
      const head = [
        'POST /process.Process/Start HTTP/1.1',
        `host: ${hostname}`,
        ...Object.entries(at(made)).map(([name, value]) => `${name}: ${value}`),
        'content-type: application/connect+json',
        'transfer-encoding: chunked',
        '',
        '',
      ];
      socket.on('error', () => {});
      socket.write(`${head.join('\r\n')}3\r\n\0\0\0\r\n`);
      return socket;
    });
    expect(await (await run(made, 'print(6 * 7)')).text()).toContain('42');
    const said = await new Promise<string>((resolve) => slow[0]!.once('data', (data) => resolve(data.toString())));
    expect(said).toMatch(/HTTP\/1.1 (?:408|400)/);
    for (const socket of slow) socket.destroy();
  });

  it('give no command more than a sandbox has', async () => {
    const made = await make(keys.ann);
    const start = (process: object) =>
      stream(made, 'process.Process/Start', framed(JSON.stringify({ process, stdin: false })));
    const many = await Promise.all(
      Array.from({ length: 80 }, () =>
        start({ cmd: '/bin/sleep', args: ['20'] }).then(async (response) => {
          const reader = response.body!.getReader();
          const { value } = await reader.read();
          await reader.cancel();
          return Buffer.from(value ?? []).toString();
        }),
      ),
    );
    expect(many.filter((text) => text.includes('"pid"')).length).toBeLessThan(80);
    expect(many.some((text) => text.includes('resource_exhausted'))).toBe(true);
    expect(await (await run(made, 'print(6 * 7)')).text()).toContain('42');
    await send('DELETE', `/sandboxes/${made.id}`, { 'x-api-key': keys.ann });
  });
});

describe('files', attacking('sandboxes'), () => {
  it('are bounded however well they are packed, and left alone when an upload breaks', async () => {
    const made = await make(keys.ann);
    await write(made, 'kept.txt', 'before');
    const bomb = gzipSync(Buffer.alloc(64 * maxFileBytes));
    expect(bomb.length).toBeLessThan(maxFileBytes / 8);
    for (const [body, status] of [
      [bomb, 413],
      [Buffer.from('no gzip'), 400],
      [gzipSync(Buffer.from('cut short')).subarray(0, 12), 400],
    ] as const) {
      const response = await fetch(`${server.url}/files?path=kept.txt`, {
        method: 'POST',
        headers: { ...at(made), 'content-type': 'application/octet-stream', 'content-encoding': 'gzip' },
        body: new Uint8Array(body),
      });
      expect(response.status).toBe(status);
    }
    expect(await (await send('GET', '/files?path=kept.txt', at(made))).text()).toBe('before');
  });

  it('are those of the sandbox, never of the host', async () => {
    const made = await make(keys.ann);
    await run(made, 'import os\nos.symlink("/proc/1/root/etc/hostname", "link")\nos.symlink("/", "root")');
    for (const path of [
      '/proc/1/root/root',
      '/root/.bashrc',
      '../../../../etc/shadow',
      '/proc/1/environ',
      '/proc/1/mem',
      '/dev/zero',
      '/',
    ]) {
      const response = await send('GET', `/files?path=${encodeURIComponent(path)}`, at(made));
      expect([400, 403, 404], path).toContain(response.status);
    }
    for (const path of ['/usr/bin/x', '/proc/x', '/home/x', '/etc/passwd', '/opt/dragoman/x', '\0', 'a'.repeat(5000)]) {
      const response = await write(made, encodeURIComponent(path), 'x');
      expect([400, 403, 404, 507], path.slice(0, 50)).toContain(response.status);
    }
    const link = await (await send('GET', '/files?path=link', at(made))).text();
    expect(link).not.toContain((await import('node:os')).hostname());
  });
});
