import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { program } from '../../test/support/programs.ts';
import type { AttackClient } from './attack-client.ts';

/** What one key does to a service. Rounds are repeated by some clients at once; whatever they are answered is fine. */
export interface Attack {
  readonly name: string;
  readonly clients: number;
  /** Makes what every round uses. */
  readonly prepare?: (client: AttackClient) => Promise<string>;
  readonly round: (client: AttackClient, prepared: string) => Promise<unknown>;
}

const loop = 'while True: pass';
const figure =
  'class Figure:\n  def _repr_png_(self): return b"\\x89PNG\\r\\n\\x1a\\n" + __import__("os").urandom(5_000_000)\n';
const largeCell = `${figure}for _ in range(4): display(Figure())`;
const echo = { name: 'echo', parameters: { type: 'object' } };
const slowSchema = { name: 'echo', parameters: { properties: { x: { type: 'string', pattern: '^(a+)+$' } } } };

const run = (path: string) => {
  const { language, code } = program(path);
  return (client: AttackClient) => client.post('/executions', { language, code, timeout_ms: 5000 });
};

const oneOf = <T>(all: readonly T[]): T => all[Math.floor(Math.random() * all.length)]!;

/** In a session that holds large results. */
async function largeSession(client: AttackClient): Promise<string> {
  const id = await client.session();
  for (let n = 0; n < 3; n++) await client.post(`/sessions/${id}/executions`, { language: 'python', code: largeCell });
  return id;
}

const hostilePrograms = [
  ...[
    'fork-bomb.py',
    'memory-bomb.py',
    'thread-bomb.py',
    'flood-stdout.py',
    'fill-file-systems.py',
    'ignore-signals.py',
  ],
  ...['fill-everything-at-once.py', 'exhaust-inodes.py', 'fill-sockets.py', 'flood-claims.py'],
].map((name) => run(`resources/${name}`));

export const attacks: readonly Attack[] = [
  {
    name: 'endless loops',
    clients: 64,
    round: (client) => client.post('/executions', { language: 'python', code: loop, timeout_ms: 10_000 }),
  },
  { name: 'bombs', clients: 6, round: (client) => oneOf(hostilePrograms)(client) },
  {
    name: 'reads past the page cache',
    clients: 6,
    round: run('resources/read-disk.py'),
  },
  {
    name: 'holes and hard links',
    clients: 4,
    round: (client) => run(oneOf(['outputs/holes.py', 'outputs/hard-links.py']))(client),
  },
  {
    name: 'many tiny files',
    clients: 4,
    round: (client) =>
      client.post('/executions', { language: 'python', code: 'for n in range(300): open(f"{n}", "w").write("x")' }),
  },
  {
    name: 'uploads that are deleted',
    clients: 4,
    prepare: (client) => client.session(),
    async round(client, session) {
      const path = `/sessions/${session}/files/${randomBytes(6).toString('hex')}`;
      await client.put(path, randomBytes(2_000_000));
      await client.send('DELETE', path);
    },
  },
  {
    name: 'unread pages without a key',
    clients: 150,
    round: (client) => client.unread('GET', '/docs/js/scalar.js', 2000),
  },
  {
    name: 'unread large answers',
    clients: 40,
    prepare: async (client) => {
      const { id } = await client.json<{ id: string }>('/executions', { language: 'python', code: largeCell });
      return id;
    },
    round: (client, id) => client.unread('GET', `/v1/executions/${id}`, 2000),
  },
  {
    name: 'notebooks of large cells',
    clients: 6,
    prepare: largeSession,
    round: (client, session) => client.unread('GET', `/v1/sessions/${session}/notebook`, 1500),
  },
  {
    name: 'conversations of large items',
    clients: 3,
    async round(client) {
      const { id } = await client.json<{ id: string }>('/conversations', {});
      const item = { role: 'user', content: 'é'.repeat(2_000_000) };
      for (let n = 0; n < 4; n++) await client.post(`/conversations/${id}/items`, { items: [item] });
      await client.send('GET', `/conversations/${id}/items?limit=1`);
      await client.send('DELETE', `/conversations/${id}`);
    },
  },
  {
    name: 'large bodies',
    clients: 4,
    round: (client) => client.post('/executions', { language: 'none', code: 'é"'.repeat(5_000_000) }),
  },
  {
    name: 'large results',
    clients: 4,
    round: (client) => client.post('/executions', { language: 'python', code: largeCell }),
  },
  { name: 'a flood on every route', clients: 16, round: (client) => client.anyRoute() },
  {
    name: 'requests that are refused',
    clients: 16,
    round: (client) =>
      client.send(
        'POST',
        '/exec/programmatic',
        { code: 'x', tools: [] },
        { 'x-librechat-code-request-id': crypto.randomUUID() },
      ),
  },
  {
    name: 'slow readers and writers',
    clients: 100,
    round: (client) =>
      oneOf([
        () => client.unread('POST', '/v1/executions', 5000, '{"language":"python","code":"', 100_000),
        () => client.unread('GET', '/v1/sessions', 5000),
        () => client.events('/executions', { language: 'bash', code: 'yes | head -c 8000000' }, 5000),
      ])(),
  },
  { name: 'idle connections', clients: 1000, round: (client) => client.idle(5000) },
  {
    name: 'live sessions',
    clients: 8,
    async round(client) {
      const id = await client.session();
      await client.post(`/sessions/${id}/executions`, { language: 'python', code: 'x = bytearray(20 << 20)' });
    },
  },
  {
    name: 'sessions that never run',
    clients: 8,
    round: (client) => client.post('/sessions', { metadata: { a: 'b'.repeat(500) } }),
  },
  {
    name: 'executions that wait in sessions',
    clients: 8,
    async round(client) {
      const id = await client.session();
      const body = { language: 'python', code: `${loop}#${'x'.repeat(100_000)}`, timeout_ms: 5000 };
      for (let n = 0; n < 64; n++) await client.post(`/sessions/${id}/executions`, body, { prefer: 'respond-async' });
      await client.send('DELETE', `/sessions/${id}`);
    },
  },
  {
    name: 'restarts that race deletions',
    clients: 6,
    async round(client) {
      const id = await client.session();
      await client.post(`/sessions/${id}/executions`, { language: 'python', code: 'x = 1' });
      await Promise.all([client.post(`/sessions/${id}/restart`, {}), client.send('DELETE', `/sessions/${id}`)]);
    },
  },
  {
    name: 'slow schemas',
    clients: 8,
    round: (client) => {
      const code = `try: await echo(x="a" * 40 + "!")\nexcept ToolExecutionError: pass`;
      return client.post('/executions', { language: 'python', code, tools: [slowSchema], timeout_ms: 5000 });
    },
  },
  {
    name: 'parked tool programs',
    clients: 8,
    async round(client) {
      const body = { language: 'python', code: 'x = bytearray(8 << 20)\nawait tools.echo()', tools: [echo] };
      const { id } = await client.json<{ id: string }>('/executions', body);
      client.later((after) => after.post(`/executions/${id}/cancel`, {}));
    },
  },
  {
    name: 'programs to compile',
    clients: 6,
    round: (client) => {
      const code = `#include <stdio.h>\nstatic char x[1 << 20] = {1};\nint main(void) { puts("${randomBytes(8).toString('hex')}"); return x[0] - 1; }`;
      return client.post('/executions', { language: 'c', code });
    },
  },
  {
    name: 'requests that are left',
    clients: 16,
    async round(client) {
      await client.unread('POST', '/v1/executions', 200, JSON.stringify({ language: 'python', code: loop }));
      await sleep(20);
    },
  },
];
