import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { type NativeClient, nativeClient } from '../test/support/native.ts';
import type { TestServer } from '../test/support/server.ts';
import { median, percentile, table } from './statistics.ts';

const cells = 100;
const warmUp = 20;

/** An execute_request, from its sending to its idle, beside a cell of the native API, taken alternately. */
export async function jupyterCells(server: TestServer): Promise<void> {
  const api = nativeClient(server);
  const session = await api.session();
  const kernel = await openKernel(server);
  const rows = [];
  for (const code of ['x = 1', 'print(1)', '6 * 7']) {
    const times = { native: [] as number[], jupyter: [] as number[] };
    for (let round = 0; round < warmUp + cells; round++) {
      const native = await timed(() => nativeCell(api, session, code));
      const jupyter = await timed(() => kernel.execute(code));
      if (round < warmUp) continue;
      times.native.push(native);
      times.jupyter.push(jupyter);
    }
    const [native, jupyter] = [median(times.native), median(times.jupyter)];
    const p95 = percentile(times.jupyter, 0.95) - percentile(times.native, 0.95);
    rows.push([code, native, jupyter, jupyter / native, jupyter - native, p95, '<= 3']);
  }
  kernel.close();
  console.log('An execute_request of Jupyter beside a native cell, milliseconds');
  table(['code', 'native p50', 'Jupyter p50', 'ratio', 'added p50', 'added p95', 'promised'], rows);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

async function nativeCell(api: NativeClient, session: string, code: string): Promise<void> {
  await api.cell(session, code);
}

async function openKernel({ url, key }: TestServer) {
  const headers = { authorization: `token ${key}` };
  const made = await fetch(`${url}/jupyter/api/kernels`, { method: 'POST', headers });
  const { id } = (await made.json()) as { id: string };
  const socket = new WebSocket(`${url.replace('http', 'ws')}/jupyter/api/kernels/${id}/channels`, { headers });
  await once(socket, 'open');
  return {
    async execute(code: string): Promise<void> {
      const msg_id = randomUUID();
      const header = { msg_id, msg_type: 'execute_request', session: 's', username: 'u', date: '', version: '5.3' };
      const over = new Promise<void>((resolve) => {
        const hear = (data: unknown) => {
          const { parent_header: parent, content } = JSON.parse(String(data));
          if (parent.msg_id !== msg_id || content.execution_state !== 'idle') return;
          socket.off('message', hear);
          resolve();
        };
        socket.on('message', hear);
      });
      socket.send(JSON.stringify({ header, parent_header: {}, metadata: {}, content: { code }, channel: 'shell' }));
      await over;
    },
    close: () => socket.terminate(),
  };
}
