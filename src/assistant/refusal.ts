import { DragomanError, type ErrorCode } from '../core/index.ts';

const codes = {
  nothing_to_answer: 'invalid_request',
  previous_not_found: 'invalid_request',
  previous_unfinished: 'invalid_request',
  history_too_large: 'invalid_request',
  call_not_found: 'invalid_request',
  result_not_found: 'invalid_request',
  compaction_unreadable: 'invalid_request',
  nothing_to_compact: 'invalid_request',
  file_unusable: 'invalid_request',
  conversation_full: 'invalid_request',
  not_in_background: 'invalid_request',
  response_not_found: 'not_found',
  events_not_found: 'not_found',
  item_not_found: 'not_found',
  conversation_not_found: 'not_found',
  file_not_found: 'not_found',
  session_not_found: 'not_found',
  assistant_not_found: 'not_found',
} as const satisfies Record<string, ErrorCode>;

export type RefusalReason = keyof typeof codes;

/** A request that cannot be served, as data: a dialect words it by `reason`, with ids and field names of its own. */
export class Refusal extends DragomanError {
  readonly reason: RefusalReason;
  /** What is not there, or cannot be used. */
  readonly id: string | undefined;
  /** The conversation an item is missing in. */
  readonly within: string | undefined;
  /** Where the client named it, as the dialect said in the request. */
  readonly where: string | undefined;
  /** It was there, and its time is over. */
  readonly isExpired: boolean;

  /** @param message a sentence that is right without the dialect's words */
  constructor(
    reason: RefusalReason,
    message: string,
    about: {
      id?: string | undefined;
      within?: string | undefined;
      where?: string | undefined;
      isExpired?: boolean;
    } = {},
  ) {
    super(codes[reason], { message });
    this.reason = reason;
    this.id = about.id;
    this.within = about.within;
    this.where = about.where;
    this.isExpired = about.isExpired ?? false;
  }
}
