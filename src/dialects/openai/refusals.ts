import type { Refusal, RefusalReason } from '../../assistant/index.ts';
import { toWire } from './ids.ts';

/** How this API tells a refusal. */
export interface RefusalWording {
  readonly message?: string;
  readonly param?: string;
  readonly code?: string;
}

const previous = 'previous_response_id';
/** Ids are the client's, and may be as long as it likes. */
const longestId = 64;

const quoted = (kind: Parameters<typeof toWire>[0], id = '') => `'${toWire(kind, id).slice(0, longestId)}'`;

const wordings: Partial<Record<RefusalReason, (refusal: Refusal) => RefusalWording>> = {
  nothing_to_answer: () => ({
    message: "One of 'input', 'previous_response_id' and 'conversation' must hold something to answer.",
    param: 'input',
    code: 'missing_required_parameter',
  }),
  previous_not_found: ({ id }) => ({
    message: `Previous response with id ${quoted('response', id)} not found.`,
    param: previous,
    code: 'previous_response_not_found',
  }),
  previous_unfinished: ({ id }) => ({
    message: `Previous response with id ${quoted('response', id)} is not complete yet.`,
    param: previous,
  }),
  history_too_large: () => ({ param: previous }),
  call_not_found: ({ id = '' }) => ({
    message: `No tool call found for function call output with call_id ${id.slice(0, longestId)}.`,
    param: 'input',
  }),
  result_not_found: ({ id = '' }) => ({
    message: `No tool output found for function call ${id.slice(0, longestId)}.`,
    param: 'input',
  }),
  compaction_unreadable: ({ where }) => ({ param: `${where}.encrypted_content` }),
  nothing_to_compact: () => ({ param: 'input' }),
  file_unusable: () => ({ param: 'input' }),
  conversation_full: () => ({ param: 'items' }),
  not_in_background: () => ({ message: 'Cannot cancel a synchronous response.' }),
  response_not_found: ({ id }) => ({ message: `Response with id ${quoted('response', id)} not found.` }),
  events_not_found: ({ id }) => ({ message: `The events of response ${quoted('response', id)} were not kept.` }),
  item_not_found: ({ id, within }) => ({
    message: `Item with id '${(id ?? '').slice(0, longestId)}' not found${within === undefined ? '' : ` in conversation ${quoted('conversation', within)}`}.`,
  }),
  conversation_not_found: ({ id }) => ({ message: `Conversation with id ${quoted('conversation', id)} not found.` }),
  session_not_found: ({ id }) => ({ message: `Container with id ${quoted('container', id)} not found.` }),
  assistant_not_found: ({ id }) => ({ message: `No assistant found with id ${quoted('assistant', id)}.` }),
  file_not_found: ({ id = '', where }) => {
    const told = toWire('file', id).slice(0, longestId);
    // Clients ask here for files of containers more often than for anything else that is missing.
    const hint = told.startsWith('cfile_')
      ? ` It names a file of a container: use /v1/containers/{container_id}/files/${told}.`
      : told.startsWith('file_')
        ? ' It names a file of the Messages API: send the header anthropic-version.'
        : '';
    return { message: `No such File object: ${told}.${hint}`, param: where ?? 'input' };
  },
};

export function refusalWording(refusal: Refusal): RefusalWording {
  const { where } = refusal;
  return { ...(where === undefined ? {} : { param: where }), ...wordings[refusal.reason]?.(refusal) };
}
