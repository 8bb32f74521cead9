import type { ResponseState } from '../../../assistant/index.ts';
import { wireId } from '../ids.ts';

/** What OpenAI's webhooks say of a background response that has ended: their receivers ask for it by its id. */
export function responseEnded({ id, status }: Pick<ResponseState, 'id' | 'status'>) {
  return { type: `response.${status}`, data: { id: wireId('response', id) } };
}
