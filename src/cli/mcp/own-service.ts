import { type ChildProcess, spawn } from 'node:child_process';
import { homedir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { isSuperuser, usualDataDir } from '../../core/index.ts';
import type { Environment } from '../client/profiles.ts';
import { presentImageRoot } from '../image-root.ts';

const launcher = fileURLToPath(new URL('../../../scripts/dragoman.mjs', import.meta.url));
const startMs = 30_000;
const betweenProbesMs = 200;
const probeMs = 2000;

/**
 * The service of this machine for a host that starts programs: joined where it runs, else started, and ended with the bridge that
 * started it. Several bridges may begin at once: the lock of the data directory lets one service start, and the others join it.
 */
export class OwnService {
  readonly #url: string;
  readonly #env: Environment;
  #child: ChildProcess | undefined;
  #starting: Promise<boolean> | undefined;

  constructor(url: string, env: Environment) {
    this.#url = url;
    this.#env = env;
  }

  /** Waits until the service answers, for half a minute at most; starts it if nothing answers. */
  ready(): Promise<boolean> {
    this.#starting ??= this.#start().finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  close(): void {
    this.#child?.kill('SIGTERM');
  }

  async #start(): Promise<boolean> {
    if (await this.#answers()) return true;
    if (!this.#canStart()) return false;
    this.#child ??= this.#spawn();
    for (const deadline = Date.now() + startMs; Date.now() < deadline; ) {
      if (await this.#answers()) return true;
      await new Promise((resolve) => setTimeout(resolve, betweenProbesMs));
    }
    return false;
  }

  /** Building an image takes minutes, which no host waits for. */
  #canStart(): boolean {
    const dataDir =
      this.#env.DRAGOMAN_DATA_DIR || usualDataDir({ env: this.#env, isRoot: isSuperuser(), home: homedir() });
    return presentImageRoot(this.#env.DRAGOMAN_IMAGE || 'auto', dataDir) !== undefined;
  }

  #spawn(): ChildProcess {
    // Its standard output holds the key at the first start, so it goes nowhere.
    const child = spawn(process.execPath, [launcher, 'serve'], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...this.#env },
    });
    const gone = () => {
      if (this.#child === child) this.#child = undefined;
    };
    child.once('error', gone).once('exit', gone);
    return child;
  }

  async #answers(): Promise<boolean> {
    try {
      const response = await fetch(`${this.#url}/health`, { signal: AbortSignal.timeout(probeMs) });
      return response.ok;
    } catch {
      return false;
    }
  }
}
