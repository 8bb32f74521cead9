import { parentPort } from 'node:worker_threads';
import { parseUntrusted } from './json-parser.ts';

/** The thread that parses large JSON bodies, one after another. */
parentPort!.on('message', ({ number, json }: { number: number; json: Uint8Array }) => {
  const parsed = parseUntrusted(Buffer.from(json.buffer, json.byteOffset, json.byteLength));
  parentPort!.postMessage({ number, parsed });
});
