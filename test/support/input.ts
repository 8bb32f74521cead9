import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EngineInput } from '../../src/engine/index.ts';

/** A file to be staged; `readAfterMs` makes its bytes late. */
export function input(
  path: string,
  content: string | Buffer,
  options: { readOnly?: boolean; readAfterMs?: number } = {},
): EngineInput {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return {
    path,
    size: bytes.length,
    digest: createHash('sha256').update(bytes).digest('hex'),
    readOnly: options.readOnly ?? false,
    async open() {
      if (options.readAfterMs !== undefined) await sleep(options.readAfterMs);
      return (async function* () {
        yield bytes;
      })();
    },
  };
}
