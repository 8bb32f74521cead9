import type { Agent } from '../../agent/index.ts';
import type { AssistantRoom } from '../../assistant/index.ts';
import type { Problem } from '../../http/index.ts';
import type { Executions, Files, Sessions } from '../../service/index.ts';

/** What this dialect uses. */
export interface AnthropicServices {
  readonly assistant: AssistantRoom;
  /** Without a configured model it refuses, naming the setting. */
  readonly agent: Agent;
  readonly sessions: Sessions;
  readonly executions: Pick<Executions, 'find'>;
  readonly storedFiles: Pick<Files, 'open'>;
  /** Largest upload of one file, in bytes. */
  readonly maxFileBytes: number;
  /** How long one upload call may take to arrive, in milliseconds. */
  readonly uploadTimeoutMs: number;
  /** Milliseconds since the epoch. */
  now(): number;
  problem(error: unknown): Problem;
}
