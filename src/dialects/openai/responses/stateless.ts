import { placeOf, readCompaction } from '../../../assistant/index.ts';
import { ownItemId } from '../ids.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * Whether a request needs nothing of this service: no code, nothing to store, and nothing that is stored. A provider that speaks
 * this API can then answer it, with tools of its own.
 */
export function isStateless(body: unknown): body is Fields {
  if (!isRecord(body) || body.store !== false) return false;
  if (body.background === true || isGiven(body.previous_response_id) || isGiven(body.conversation)) return false;
  if (listOf(body.tools).some((tool) => tool.type === 'code_interpreter')) return false;
  return listOf(body.input).every(isForeign);
}

/** An item that refers to no stored item, no file and no code that ran here. */
function isForeign(item: Fields): boolean {
  const isOurs = typeof item.id === 'string' && placeOf(ownItemId(item.id)) !== undefined;
  if (item.type === 'compaction' && readCompaction(item.encrypted_content)) return false;
  if (isOurs || item.type === 'item_reference' || item.type === 'code_interpreter_call') return false;
  return !listOf(item.content).some((part) => isGiven(part.file_id));
}

const isGiven = (value: unknown): boolean => value !== undefined && value !== null;

const listOf = (value: unknown): Fields[] => (Array.isArray(value) ? value.filter(isRecord) : []);

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
