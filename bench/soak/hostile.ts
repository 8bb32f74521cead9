import { connect } from 'node:net';
import { exec } from '../../test/support/client.ts';
import { nativeClient } from '../../test/support/native.ts';
import { program } from '../../test/support/programs.ts';
import type { Target, Work } from './good.ts';

const programs = [
  'resources/fork-bomb.py',
  'resources/memory-bomb.py',
  'resources/thread-bomb.py',
  'resources/daemon.py',
  'resources/flood-stdout.py',
  'resources/fill-file-systems.py',
  'resources/ignore-signals.py',
  'resources/close-everything-and-spin.py',
  'results/forge-frames.py',
  'results/break-protocol.py',
  'results/late-output.py',
  'outputs/tricks.py',
  'outputs/many-files.py',
  'kernel/refused-calls.py',
  'host/write-image.py',
  'tools/speak.py',
];

/** Cells that go for their session's kernel, its supervisor and what it says. */
const cells = [
  'import os\nwhile True: os.fork()',
  'import os, signal\nos.kill(os.getpid(), signal.SIGKILL)',
  `kind = "flood"\n${program('sessions/forge-events.py').code}`,
  `kind = "many"\n${program('sessions/forge-events.py').code}`,
  program('sessions/cripple-supervisor.py').code,
  program('sessions/children-with-pipe.py').code,
  program('sessions/swap-workspace.py').code,
  'x = []\nwhile True: x.append(bytearray(1 << 20))',
];

/** Whatever it does, it gets an answer; or it is a client that leaves, which gets none. */
export const hostileWork: readonly Work[] = [
  ...programs.map((path) => (server: Target) => run(server, path)),
  ...cells.map((code) => (server: Target) => cell(server, code)),
  leave,
  leaveTools,
  (server) => slowClient(server, '/v1/exec', 'application/json', '{"lang"'),
  (server) =>
    slowClient(
      server,
      '/v1/upload',
      'multipart/form-data; boundary=b',
      '--b\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\nhalf',
    ),
];

async function run(server: Target, path: string): Promise<void> {
  const { language, code } = program(path);
  const answer = await exec(server, { lang: language, code, args: ['junk'], timeout: 1000 });
  if (answer.httpStatus !== 200)
    throw new Error(`a hostile program was answered ${answer.httpStatus}: ${answer.error}`);
  if (answer.stdout.includes('breach')) throw new Error(`a wall fell: ${answer.stdout.slice(0, 300)}`);
}

async function cell(server: Target, code: string): Promise<void> {
  const native = nativeClient(server);
  const id = await native.session();
  const body = { language: 'python', code, timeout_ms: 1000 };
  const response = await native.send('POST', `/sessions/${id}/executions`, body);
  const text = await response.text();
  await (await native.send('DELETE', `/sessions/${id}`)).text();
  if (response.status !== 200) throw new Error(`a hostile cell was answered ${response.status}: ${text.slice(0, 300)}`);
}

/** Goes while the program runs. */
async function leave(server: Target): Promise<void> {
  await exec(server, { lang: 'py', code: 'while True: pass' }, { signal: AbortSignal.timeout(50) }).catch(() => {});
}

/** Never answers what the program calls, and gives it up. */
async function leaveTools(server: Target): Promise<void> {
  const native = nativeClient(server);
  const tools = [{ name: 'echo', parameters: { type: 'object' } }];
  const body = { language: 'python', code: 'await tools.echo()', tools };
  const { id } = await native.json<{ id: string }>('POST', '/executions', body);
  await (await native.send('POST', `/executions/${id}/cancel`)).text();
}

/** Sends half a request and goes. */
function slowClient(server: Target, path: string, type: string, half: string): Promise<void> {
  const { hostname, port } = new URL(server.url);
  const head = `POST ${path} HTTP/1.1\r\nhost: x\r\nx-api-key: ${server.key}\r\ncontent-type: ${type}\r\ncontent-length: 10000\r\n\r\n`;
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write(head + half);
      setTimeout(() => socket.destroy(), 20);
    });
    socket.on('error', () => {}).on('close', () => resolve());
  });
}
