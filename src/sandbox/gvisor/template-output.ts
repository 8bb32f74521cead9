import { closeSync } from 'node:fs';
import type { Spawned } from '../linux/fork-server.ts';
import { OutputPipe } from '../linux/pipes/output-pipe.ts';
import type { OwnFiles } from './own-files.ts';

const deadlineMs = 120_000;
const keptErrorBytes = 2000;
const awaited = '{"claim":"template"}';

/** Reads what a template says while it loads: nothing but the one claim, unless it fails. Takes over the descriptors. */
export function readTemplate({ command, claims, stdout, stderr }: Spawned, own: OwnFiles) {
  const { promise: loaded, resolve, reject } = Promise.withResolvers<void>();
  let said = '';
  let errors = '';
  const pipes = [
    new OutputPipe(stdout, (chunk) => {
      said = (said + Buffer.from(chunk).toString('latin1')).slice(-keptErrorBytes);
      if (said.includes(awaited)) resolve();
    }),
    new OutputPipe(stderr, (chunk) => {
      errors = (errors + Buffer.from(chunk).toString()).slice(-keptErrorBytes);
    }),
  ];
  const timer = setTimeout(() => reject(new Error(`the template was not loaded in ${deadlineMs} ms`)), deadlineMs);
  for (const pipe of pipes) pipe.watch();
  void Promise.all(pipes.map((pipe) => pipe.ended)).then(() =>
    reject(new Error(`gVisor ended before the template was loaded: ${errors.trim() || 'no message'}`)),
  );
  loaded.catch(() => {});
  return {
    loaded,
    close() {
      clearTimeout(timer);
      for (const pipe of pipes) pipe.close();
      for (const fd of [command, claims, own.claims, own.saved, own.given]) closeSync(fd);
    },
  };
}
