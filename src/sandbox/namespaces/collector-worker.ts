import { parentPort } from 'node:worker_threads';
import { digestOf, walk } from './workspace.ts';

type Order = { id: number; fd: number } & (
  | { op: 'list'; limits: { entries: number; depth: number } }
  | { op: 'digest'; size: number }
);

parentPort!.on('message', (order: Order) => {
  try {
    const value = order.op === 'list' ? walk(order.fd, order.limits) : digestOf(order.fd, order.size);
    parentPort!.postMessage({ id: order.id, value });
  } catch (error) {
    parentPort!.postMessage({ id: order.id, error: String(error) });
  }
});
