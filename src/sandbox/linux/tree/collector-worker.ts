import { parentPort } from 'node:worker_threads';
import { digestOf, walk } from './walk.ts';

type Task = { id: number; fd: number } & (
  | { task: 'list'; limits: { entries: number; depth: number } }
  | { task: 'digest'; size: number }
);

parentPort!.on('message', (task: Task) => {
  try {
    const value = task.task === 'list' ? walk(task.fd, task.limits) : digestOf(task.fd, task.size);
    parentPort!.postMessage({ id: task.id, value });
  } catch (error) {
    parentPort!.postMessage({ id: task.id, error: String(error) });
  }
});
