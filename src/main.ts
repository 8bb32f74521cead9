import { readFileSync } from 'node:fs';
import { createProgram } from './cli/index.ts';

// Placing a sandbox in its control group blocks a thread of libuv's pool for some milliseconds. With the default of four they queue up.
process.env.UV_THREADPOOL_SIZE ??= '16';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

try {
  await createProgram({ version, env: process.env }).parseAsync();
} catch (error) {
  const { describeFailure } = await import('./cli/failure.ts');
  const { text, exitCode } = await describeFailure(error);
  if (text !== '') console.error(text);
  process.exit(exitCode);
}
