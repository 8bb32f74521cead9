import type { ProviderState } from '../../agent/index.ts';

/** Code of a response that waits in its sandbox for functions of the client's. */
export interface WaitingCode {
  /** The agent's id of the call that wrote the code. */
  readonly callId: string;
  readonly executionId: string;
  /** Place in the execution's history. */
  readonly after: number;
  readonly code: string;
  /** The execution's ids of its calls, by the ids the client knows. */
  readonly calls: Readonly<Record<string, string>>;
  readonly providerState?: ProviderState | undefined;
}
