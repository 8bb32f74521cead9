import { expect, it } from 'vitest';
import { scriptedService } from '../../../test/support/scripted-service.ts';
import { silent } from '../../../test/support/silent.ts';
import { end, ScriptedAgent } from '../../dialects/openai/responses/fixtures/scripted-agent.ts';
import { MemoryEventLog } from '../../event-log/index.ts';
import { createAssistant } from '../assistant.ts';
import { ann, bob, message } from '../fixtures/room.ts';
import type { ResponseRequest } from './request.ts';
import type { ResponseEvent } from './response.ts';
import { responseLogBytes } from './response-run.ts';

function room() {
  const agent = new ScriptedAgent();
  const { sessions, fileService: storedFiles, records } = scriptedService();
  const assistant = createAssistant({
    agent,
    sessions,
    storedFiles,
    documents: records.documents,
    log: new MemoryEventLog<ResponseEvent>({ maxLogs: 9, maxBytes: 1e9, maxLogBytes: responseLogBytes, ttlMs: 1000 }),
    retentionMs: 1e9,
    logger: silent,
    now: Date.now,
  });
  return { agent, responses: assistant.responses };
}

const request: ResponseRequest = {
  input: [message('Hi')],
  settings: {
    model: undefined,
    functions: [],
    toolChoice: 'auto',
    parallelToolCalls: undefined,
    maxOutputTokens: undefined,
    temperature: undefined,
    topP: undefined,
    reasoningEffort: undefined,
    format: undefined,
    upstreamKey: undefined,
  },
  stored: false,
  echo: {},
};
const never = new AbortController().signal;

it('refuses a principal whose readers lag behind with more than its share, and no other', async () => {
  const { agent, responses } = room();
  const readers: AsyncGenerator<ResponseEvent>[] = [];
  const text = 'x'.repeat(30 * 1024 * 1024);
  const lag = async () => {
    agent.say(async function* () {
      yield { type: 'text', delta: text };
      yield end();
    });
    const run = await responses.begin(ann, request);
    responses.follow(run);
    const reader = run.events(never);
    readers.push(reader);
    await reader.next();
    await run.finished;
  };
  for (let n = 0; n < 5; n++) await lag();
  await expect(responses.begin(ann, request)).rejects.toMatchObject({ code: 'rate_limited' });
  agent.say(async function* () {
    yield end();
  });
  await expect(responses.begin(bob, request)).resolves.toBeDefined();
  await readers[0]!.return(undefined);
  await lag();
});

it('ends a response that grows without end, and tells why', async () => {
  const { agent, responses } = room();
  agent.say(async function* () {
    for (;;) yield { type: 'text', delta: 'x'.repeat(1024 * 1024) };
  });
  const run = await responses.begin(ann, request);
  responses.follow(run);
  const types: string[] = [];
  let last: ResponseEvent | undefined;
  for await (const event of run.events(never)) {
    types.push(event.type);
    last = event;
  }
  expect(types.slice(0, 3)).toEqual(['created', 'in_progress', 'item_added']);
  expect(last).toMatchObject({ type: 'ended', response: { status: 'failed', error: { code: 'too_large' } } });
});
