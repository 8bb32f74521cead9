import type { Logger } from '../../core/index.ts';
import type { Records } from '../../stores/index.ts';
import type { FileService } from './file-service.ts';

export interface FileSweeperOptions {
  readonly files: Pick<FileService, 'collect' | 'expire'>;
  readonly records: Pick<Records, 'documents' | 'sessions'>;
  /** How long the record of an expired session can still be read. */
  readonly retentionMs: number;
  readonly logger: Logger;
  readonly now: () => number;
}

/** How long bytes may outlive their last file where its deletion did not wait for theirs. */
const collectIntervalMs = 1000;
const expireIntervalMs = 10 * 60_000;

/** Removes expired files, sessions and documents, and bytes that no file refers to. */
export class FileSweeper {
  readonly #options: FileSweeperOptions;
  readonly #timers: NodeJS.Timeout[] = [];
  #sweeping: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(options: FileSweeperOptions) {
    this.#options = options;
  }

  start(): void {
    const { files, records, retentionMs, logger, now } = this.#options;
    const sweep = (work: () => Promise<unknown>) => {
      this.#waiting++;
      this.#sweeping = this.#sweeping
        .then(work)
        .catch((error) => logger.error({ error: String(error.cause ?? error) }, 'expired files could not be removed'))
        .finally(() => this.#waiting--);
    };
    const collect = () => {
      if (this.#waiting === 0) sweep(() => files.collect());
    };
    const expire = async () => {
      const removed = await files.expire();
      const sessions = await records.sessions.deleteExpired(now() - retentionMs);
      const documents = await records.documents.deleteExpired(now());
      logger.debug({ ...removed, sessions, documents }, 'removed what had expired');
    };
    sweep(expire);
    this.#timers.push(
      setInterval(collect, collectIntervalMs).unref(),
      setInterval(() => sweep(expire), expireIntervalMs).unref(),
    );
  }

  async close(): Promise<void> {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    await this.#sweeping;
  }
}
