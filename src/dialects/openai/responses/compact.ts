import { z } from 'zod';
import type { Compacted } from '../../../assistant/index.ts';
import { newWireId, seconds } from '../ids.ts';
import { listedInput } from './items.ts';
import { responseBody } from './request.ts';
import { usage, usageOf } from './response.ts';
import { wireItem } from './translate.ts';

/** The body of `POST /responses/compact`. */
export const compactBody = responseBody
  .pick({ model: true, input: true, instructions: true, previous_response_id: true })
  .meta({ id: 'CompactRequest' });

/** Messages of the user as they were, then one item that stands for everything else. */
export const compactedResponse = z
  .object({
    id: z.string(),
    object: z.literal('response.compaction'),
    created_at: z.int(),
    output: z.array(listedInput),
    usage,
  })
  .meta({ id: 'CompactedResponse' });

export function compactedObject({ items, usage: used }: Compacted, now: number) {
  return {
    id: newWireId('response'),
    object: 'response.compaction' as const,
    created_at: seconds(now),
    output: items.map((item) => wireItem(item, true)),
    usage: usageOf(used),
  };
}
