import { expect, it } from 'vitest';
import { orders } from '../../../src/guest-protocol/index.ts';
import type { BulkPipes, Sandbox } from '../../../src/sandbox/index.ts';
import { Transcript } from './listen.ts';

const chunkBytes = 50_000;
const chunkCount = 60;

/** A kernel that sends back what it is given; the scripted backend knows it by its id. */
const echo = { id: 'echo', start: { argv: ['sh', '-c', 'exec cat <&7 >&6'] }, folder: '.' };
/** A kernel that reads nothing of it. */
const stuck = { id: 'stuck', start: { argv: ['sleep', '1000'] }, folder: '.' };

/** What every implementation of the pipes for much data has to do. */
export function describeBulk(create: () => Promise<Sandbox>): void {
  const open = async (kernel: typeof echo): Promise<{ sandbox: Sandbox; pipes: BulkPipes }> => {
    const sandbox = await create();
    const transcript = new Transcript(sandbox);
    await sandbox.link.send(orders.serve(true));
    await sandbox.link.send(orders.kernel('started', kernel));
    await transcript.heard('done');
    return { sandbox, pipes: await sandbox.link.bulk() };
  };

  it('moves much data both ways at the pace of its reader', async () => {
    const { pipes } = await open(echo);
    const written = pipes.write(numbered(chunkCount), AbortSignal.timeout(20_000));
    let bytes = 0;
    let first: Uint8Array | undefined;
    for await (const chunk of pipes.read(AbortSignal.timeout(20_000))) {
      expect(chunk.length).toBeLessThanOrEqual(65_536);
      first ??= chunk;
      bytes += chunk.length;
      if (bytes === chunkBytes * chunkCount) break;
    }
    await written;
    expect(first?.[0]).toBe(0);
    expect(bytes).toBe(chunkBytes * chunkCount);
  });

  it('drops what was written before a transfer begins', async () => {
    const { sandbox, pipes } = await open(echo);
    await pipes.write(numbered(1), AbortSignal.timeout(20_000));
    for await (const chunk of pipes.read(AbortSignal.timeout(20_000))) if (chunk.length > 0) break;
    // Its kernel waits for more meanwhile.
    await sandbox.freeze();
    pipes.discard();
    await sandbox.thaw();
    const written = pipes.write(one(new Uint8Array([7])), AbortSignal.timeout(20_000));
    for await (const chunk of pipes.read(AbortSignal.timeout(20_000))) {
      expect([...chunk]).toEqual([7]);
      break;
    }
    await written;
  });

  it('gives up writing to a guest that does not read', async () => {
    const { pipes } = await open(stuck);
    await expect(pipes.write(numbered(chunkCount), AbortSignal.timeout(200))).rejects.toThrow('reads no more');
  });

  it('gives up reading of a guest that does not write', async () => {
    const { pipes } = await open(stuck);
    expect(await Array.fromAsync(pipes.read(AbortSignal.timeout(200)))).toEqual([]);
  });

  it('ends reading with the sandbox', async () => {
    const { sandbox, pipes } = await open(stuck);
    const read = Array.fromAsync(pipes.read(AbortSignal.timeout(20_000)));
    await sandbox.destroy();
    expect(await read).toEqual([]);
  });
}

/** Chunks that begin with their number. */
async function* numbered(count: number): AsyncGenerator<Uint8Array> {
  for (let number = 0; number < count; number++) yield new Uint8Array(chunkBytes).fill(number % 256, 0, 1);
}

async function* one(chunk: Uint8Array): AsyncGenerator<Uint8Array> {
  yield chunk;
}
