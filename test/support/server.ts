import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeOptions } from '../../scripts/launch/run.mjs';
import type { Tier } from '../../src/core/index.ts';
import { imageRoot } from './image.ts';
import { launched } from './launched.ts';
import { atPace, serverTier, testTier } from './tier.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const startDeadlineMs = atPace(60_000);
/** Requests under way have ten seconds, and what sessions hold has twenty to be saved. */
const stopDeadlineMs = atPace(45_000);

export interface ServerOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** A data directory to keep; without it the server gets one that goes with it. */
  readonly dataDir?: string;
  /** What to run instead of this Node with `src/main.ts serve`. */
  readonly command?: readonly [string, ...string[]];
}

/** A real server in a process of its own, on a free port. */
export interface TestServer {
  readonly url: string;
  /** An API key it accepts; empty when none is needed. */
  readonly key: string;
  readonly dataDir: string;
  readonly pid: number;
  /** What it has printed so far. */
  output(): string;
  /** Ends it in order. @throws Error when it does not end cleanly */
  stop(): Promise<void>;
  /** kill -9 */
  kill(): Promise<void>;
}

/** Starts a server over the shared image. @throws Error with its output when it does not come up */
export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'dragoman-'));
  // Users of sandboxes pass through it.
  if (existsSync(dataDir)) chmodSync(dataDir, 0o711);
  let said = '';
  const [program, ...args] = options.command ?? [process.execPath, ...nodeOptions, join(root, 'src/main.ts'), 'serve'];
  const child: ChildProcess = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...launched,
      DRAGOMAN_PORT: '0',
      DRAGOMAN_DATA_DIR: dataDir,
      DRAGOMAN_IMAGE: await imageRoot(),
      ...(await serverTier(dataDir, { name: tierOf(options), isOurUser: !options.command })),
      ...options.env,
    },
  });
  const exited = once(child, 'exit');
  const found = Promise.withResolvers<string>();
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const url = /serves at (\S+)/.exec(said)?.[1];
      if (url && said.includes('curl')) found.resolve(url);
    });
  }
  exited.then(() => found.reject(new Error(`the server did not start: ${said}`)));
  const timer = setTimeout(() => found.reject(new Error(`the server did not start in time: ${said}`)), startDeadlineMs);
  const cleanUp = () => {
    if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
  };
  try {
    const url = await found.promise;
    const configured = options.env?.DRAGOMAN_API_KEYS?.split(',')[0]?.split(':').at(-1);
    return {
      url,
      key: configured ?? /API key: (\S+)/.exec(said)?.[1] ?? '',
      dataDir,
      pid: child.pid!,
      output: () => said,
      async stop() {
        child.kill('SIGTERM');
        const late = setTimeout(() => child.kill('SIGKILL'), stopDeadlineMs);
        const [code] = await exited;
        clearTimeout(late);
        cleanUp();
        if (code !== 0) throw new Error(`the server ended with ${code}: ${said}`);
      },
      async kill() {
        child.kill('SIGKILL');
        await exited;
        cleanUp();
      },
    };
  } catch (error) {
    child.kill('SIGKILL');
    cleanUp();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function tierOf({ env }: ServerOptions): Tier {
  return (env?.DRAGOMAN_ISOLATION as Tier | undefined) ?? testTier();
}
