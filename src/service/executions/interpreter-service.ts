import type {
  ByteRange,
  FileClaim,
  FileRef,
  FileScope,
  Logger,
  Metrics,
  Principal,
  StorageUse,
  StoredFile,
} from '../../core/index.ts';
import type { Runner } from '../../runner/index.ts';
import type { Admission } from '../admission/admission.ts';
import type { FileService } from '../files/file-service.ts';
import type { UsageMeter } from '../usage/usage.ts';
import type { Interpreter, LanguageInfo, OpenedFile, UploadFile, UploadOutcome } from './interpreter.ts';

export interface InterpreterOptions {
  readonly runner: Runner;
  readonly fileService: FileService;
  readonly admission: Admission;
  readonly usage: UsageMeter;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** The `Interpreter` over a runner and the stores. */
export class InterpreterService implements Interpreter {
  readonly #options: InterpreterOptions;
  readonly #fileService: FileService;
  #closing = false;

  constructor(options: InterpreterOptions) {
    this.#options = options;
    this.#fileService = options.fileService;
  }

  /** Registers its gauges. */
  start(): void {
    const { metrics, admission } = this.#options;
    metrics.gauge('executions_running', 'Executions running now', () => admission.running);
    metrics.gauge('executions_waiting', 'Executions waiting for a place', () => admission.waiting);
  }

  /** Takes no more executions; those that run go on. */
  close(): void {
    this.#closing = true;
  }

  async languages(): Promise<readonly LanguageInfo[]> {
    const { runner } = this.#options;
    const [languages, versions] = await Promise.all([runner.languages(), runner.versions()]);
    return languages.map(({ kernel, tools: _, ...language }) => ({
      ...language,
      versions: versions[language.name] ?? {},
      keepsVariables: kernel !== null,
    }));
  }

  upload(
    principal: Principal,
    request: { scope: FileScope; readOnly: boolean; partial: boolean },
    files: AsyncIterable<UploadFile>,
  ): Promise<{ sessionId: string; files: readonly UploadOutcome[] }> {
    return this.#fileService.upload(principal, request, files);
  }

  file(principal: Principal, ref: FileRef): Promise<StoredFile> {
    return this.#fileService.find(principal, ref);
  }

  async openFile(
    principal: Principal,
    ref: FileRef,
    rangeOf?: (file: StoredFile) => ByteRange | undefined,
  ): Promise<OpenedFile> {
    const file = await this.#fileService.find(principal, ref);
    const range = rangeOf?.(file);
    const content = await this.#fileService.open(file, range);
    this.#options.usage.record(principal, { bytesServed: range ? range.end - range.start + 1 : file.size });
    return { file, content, range };
  }

  listFiles(principal: Principal, sessionId: string, scope: FileClaim): Promise<readonly StoredFile[]> {
    return this.#fileService.list(principal, sessionId, scope);
  }

  deleteFile(principal: Principal, ref: FileRef): Promise<void> {
    return this.#fileService.delete(principal, ref);
  }

  storage(principal: Principal): Promise<StorageUse> {
    return this.#fileService.storage(principal);
  }

  async health(): Promise<{ ready: boolean; reason?: string }> {
    if (this.#closing) return { ready: false, reason: 'shutting down' };
    const fault = await this.#options.runner.fault();
    return fault === null ? { ready: true } : { ready: false, reason: fault };
  }
}
