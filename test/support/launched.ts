import { fileURLToPath } from 'node:url';
import { nodeEnvironment } from '../../scripts/launch/run.mjs';

/** What a process of ours is started with, as by the launcher: a third of a start is compiling modules. */
export const launched = {
  PATH: process.env.PATH!,
  HOME: process.env.HOME!,
  NODE_COMPILE_CACHE: fileURLToPath(new URL('../../node_modules/.cache/node', import.meta.url)),
  ...nodeEnvironment,
};
