import { expect, it } from 'vitest';
import { newId } from '../../core/index.ts';
import { wireResponse } from '../../dialects/openai/responses/response.ts';
import { ann, bob, storedRoom } from '../fixtures/room.ts';
import { gatherHistory } from './history.ts';

/** A response as version 0.1 stored it. */
function older(id: string, sessionId: string, previous: string | null) {
  const content = { type: 'output_text', text: 'It is [a](sandbox:/mnt/data/a).', logprobs: [] };
  const citation = { type: 'container_file_citation', container_id: `cntr_${sessionId}`, file_id: `cfile_${newId()}` };
  const annotations = [{ ...citation, filename: 'a', start_index: 10, end_index: 29 }];
  const response = {
    id: `resp_${id}`,
    object: 'response',
    created_at: 1_767_323_045,
    status: 'completed',
    background: false,
    completed_at: 1_767_323_047,
    error: null,
    incomplete_details: null,
    instructions: 'Be brief.',
    max_output_tokens: null,
    max_tool_calls: null,
    metadata: { a: 'b' },
    model: 'm',
    output: [
      {
        id: `ci_${id}o0`,
        type: 'code_interpreter_call',
        status: 'completed',
        code: 'print(1)',
        container_id: `cntr_${sessionId}`,
        outputs: [
          { type: 'logs', logs: '1\n' },
          { type: 'image', url: 'data:image/png;base64,aGk=' },
        ],
      },
      {
        id: `msg_${id}o1`,
        type: 'message',
        status: 'completed',
        role: 'assistant',
        content: [{ ...content, annotations }],
      },
      { id: `rs_${id}o2`, type: 'reasoning', summary: [{ type: 'summary_text', text: 'Hm.' }] },
      {
        id: `fc_${id}o3`,
        type: 'function_call',
        status: 'completed',
        call_id: 'call_1',
        name: 'f',
        arguments: '{}',
        caller: { type: 'program', caller_id: `ci_${id}o0` },
      },
    ],
    parallel_tool_calls: true,
    previous_response_id: previous,
    conversation: null,
    prompt_cache_key: null,
    reasoning: { effort: null, summary: null },
    safety_identifier: null,
    service_tier: 'default',
    store: true,
    temperature: 1,
    text: { format: { type: 'text' }, verbosity: 'medium' },
    tool_choice: 'auto',
    tools: [{ type: 'code_interpreter', container: { type: 'auto' } }],
    top_logprobs: 0,
    top_p: 1,
    truncation: 'disabled',
    usage: {
      input_tokens: 10,
      input_tokens_details: { cached_tokens: 2, cache_write_tokens: 0 },
      output_tokens: 5,
      output_tokens_details: { reasoning_tokens: 1 },
      total_tokens: 15,
    },
    user: null,
    access_programs: null,
  };
  const question = {
    id: `msg_${id}i0`,
    type: 'message',
    role: 'user',
    status: 'completed',
    content: [
      { type: 'input_text', text: 'Hi' },
      { type: 'input_image', file_id: `file-${newId()}`, detail: 'auto' },
    ],
  };
  return {
    response,
    input: [question],
    shown: { [`ci_${id}o0`]: 'shown: 1' },
    kept: { [`ci_${id}o0`]: { options: { p: { s: 1 } } } },
    waiting: {
      callId: 'c',
      executionId: 'e',
      after: 3,
      code: 'x',
      containerId: `cntr_${sessionId}`,
      calls: { call_1: 't' },
    },
    uncited: [{ id: 'f', sessionId, name: 'b.csv' }],
  };
}

it('reads responses of version 0.1, and goes on from them', async () => {
  const { records, owned, documents } = storedRoom();
  const [first, second, session] = [newId(), newId(), newId()];
  const bodies = [older(first, session, null), older(second, session, `resp_${first}`)];
  for (const [at, id] of [first, second].entries()) {
    await owned.put(ann, { kind: 'response', id, createdAt: 1_767_323_045_000, body: bodies[at] });
    await owned.put(ann, { kind: 'response_events', id, body: [] });
  }
  for (let n = 0; n < 2; n++) {
    const { response } = await records.get(ann, first);
    expect(wireResponse(response, true)).toEqual(bodies[0]!.response);
  }
  expect(await records.find(bob, second)).toBeUndefined();
  const history = await gatherHistory(records, ann, { input: [], previousId: second }, newId());
  expect(history.before.map(({ id }) => id)).toEqual(
    [first, second].flatMap((id) => [`${id}i0`, ...[0, 1, 2, 3].map((n) => `${id}o${n}`)]),
  );
  expect(history).toMatchObject({
    sessionId: session,
    waiting: { callId: 'c', executionId: 'e', after: 3, calls: { call_1: 't' } },
    uncited: [{ name: 'b.csv' }],
  });
  expect(history.modelViews.get(`${second}o0`)).toBe('shown: 1');
  expect(history.providerStates.get(`${first}o0`)).toEqual({ options: { p: { s: 1 } } });
  expect(await documents.get('response', second)).toBeUndefined();
});

it('reads one page of what went into a response for one page', async () => {
  const { records, counted } = storedRoom();
  const id = newId();
  const items = Array.from({ length: 100 }, (_, n) => ({
    id: `${id}i${n}`,
    type: 'function_result' as const,
    callId: `call_${n}`,
    output: 'x',
  }));
  const response = {
    id,
    status: 'completed' as const,
    background: false,
    stored: true,
    createdAt: 0,
    completedAt: 0,
    model: 'm',
    previousId: null,
    conversationId: null,
    items: [],
    usage: null,
    error: null,
    incompleteReason: null,
    echo: {},
  };
  await records.put(ann, { response, modelViews: {} }, { input: items });
  const page = await records.inputPage(ann, id, { limit: 3, order: 'desc' });
  expect(page).toEqual({ items: items.slice(-3).toReversed(), more: true });
  expect(counted.read).toBe(4);
  await records.delete(ann, id);
  expect(await records.input(ann, id)).toEqual([]);
});
