import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const soak = fileURLToPath(new URL('../../bench/soak.ts', import.meta.url));

/** Runs `npm run soak` with these arguments; what it prints. Throws with that text when it breaks an invariant or takes too long. */
export async function runSoak(args: readonly string[], timeoutMs: number): Promise<string> {
  const child = spawn(process.execPath, [soak, ...args], { stdio: ['ignore', 'pipe', 'pipe'], timeout: timeoutMs });
  const closed = new Promise<string>((resolve, reject) => {
    child
      .once('error', reject)
      .once('close', (code, signal) => resolve(code === 0 ? '' : `ended with ${code ?? signal}`));
  });
  const [printed, errors, fault] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  if (fault) throw new Error(`soak ${args.join(' ')} ${fault}\n${printed}\n${errors}`);
  return printed;
}
