import type { Logger, Metrics, Plans } from '../../core/index.ts';
import type { Problem } from '../../http/index.ts';
import type {
  Commands,
  Executions,
  Files,
  NamedRequests,
  Previews,
  RunnerInfo,
  Sessions,
} from '../../service/index.ts';

/** What this dialect uses of the service. */
export interface McpServices {
  readonly sessions: Pick<
    Sessions,
    'create' | 'ensure' | 'get' | 'list' | 'files' | 'putFile' | 'removeFile' | 'restart'
  >;
  readonly executions: Pick<Executions, 'start' | 'find'>;
  readonly namedRequests: NamedRequests;
  readonly commands: Pick<Commands, 'start' | 'get' | 'events' | 'signal'>;
  readonly storedFiles: Pick<Files, 'open'>;
  readonly previews: Previews;
  readonly plans: Plans;
  readonly runnerInfo: Pick<RunnerInfo, 'languages' | 'usualWallMs'>;
  readonly mcp: McpOptions;
  readonly logger: Pick<Logger, 'error'>;
  readonly metrics: Pick<Metrics, 'count' | 'gauge'>;
  /** Milliseconds since the epoch. */
  now(): number;
  problem(error: unknown): Problem;
}

interface McpOptions {
  /** Of the program. */
  readonly version: string;
  /** The service as people reach it, if it knows. */
  readonly publicUrl: string | undefined;
  /** Signs the ids of MCP sessions, and seals addresses of files. */
  readonly secret: Buffer;
  /** Origins of web pages that may call, besides those of this machine. */
  readonly origins: readonly string[];
  /** Characters of a run's output that a model is shown. */
  readonly shownChars: number;
  /** Whether results link the files that code made. */
  readonly links: boolean;
}

export type LanguageInfo = Awaited<ReturnType<RunnerInfo['languages']>>[number];
