import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { imageRoot } from './image.ts';

const path = (folder: string) => fileURLToPath(new URL(`../../${folder}`, import.meta.url));

/** The command that runs the fuzzer of the helper's JSON reader; undefined where the image has no compiler with sanitizers. */
export async function buildFuzzer(): Promise<readonly string[] | undefined> {
  const root = await imageRoot();
  if (!existsSync(join(root, 'usr/bin/gcc'))) return undefined;
  const built = mkdtempSync(join(tmpdir(), 'native-fuzz-'));
  const inside = [
    ...['bwrap', '--unshare-all', '--die-with-parent', '--ro-bind', root, '/', '--proc', '/proc', '--dev', '/dev'],
    ...['--tmpfs', '/tmp', '--ro-bind', path('guest/native'), '/tmp/native', '--bind', built, '/tmp/built'],
    ...['--ro-bind', path('test/security/native'), '/tmp/test', '--'],
  ];
  const sanitizers = '-fsanitize=address,undefined -fno-sanitize-recover=all -D_FORTIFY_SOURCE=0';
  const command = `cat /tmp/test/fuzz.c > /tmp/fuzz.c && gcc -std=gnu11 -g -O1 ${sanitizers} -I/tmp/native -o /tmp/built/fuzz /tmp/fuzz.c /tmp/native/json.c /tmp/native/text.c`;
  const { status, stderr } = spawnSync(inside[0]!, [...inside.slice(1), 'sh', '-c', command], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the fuzzer cannot be built: ${stderr}`);
  return [...inside, '/tmp/built/fuzz'];
}

/** Attacks the reader for so long. Resolves to what the fuzzer said; rejects with what the sanitizers found. */
export function fuzz(command: readonly string[], seconds: number, seed: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const child = spawn(command[0]!, [...command.slice(1), String(seconds), String(seed)]);
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  child.on('error', reject).on('close', (code) => {
    if (code === 0) resolve(said);
    else reject(new Error(`seed ${seed}: ${said.slice(-4000)}`));
  });
  return promise;
}
