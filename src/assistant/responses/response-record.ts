import type { ProviderState } from '../../agent/index.ts';
import type { Citable } from './citations.ts';
import type { ResponseState } from './response.ts';
import type { WaitingCode } from './waiting-code.ts';

/** What is stored of a response, besides what went into it. */
export interface ResponseRecord {
  readonly response: ResponseState;
  /** What the model read of each run of code, by the id of its item. */
  readonly modelViews: Readonly<Record<string, string>>;
  /** What the model's provider wants back, by the id of a code item or the `callId` of a function call. */
  readonly providerStates?: Readonly<Record<string, ProviderState>> | undefined;
  readonly waiting?: WaitingCode | undefined;
  /** Files that no message has cited yet, because the client had to act first. */
  readonly uncited?: readonly Citable[] | undefined;
}
