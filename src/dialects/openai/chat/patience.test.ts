import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { DragomanError } from '../../../core/index.ts';
import { responsesApp } from '../responses/fixtures/app.ts';
import { end } from '../responses/fixtures/scripted-agent.ts';

const body = { messages: [{ role: 'user', content: 'hi' }], tools: [{ type: 'code_interpreter' }] };

it('an answer that takes long is not silent', async () => {
  const face = await responsesApp(100);
  face.agent.say(async function* () {
    yield { type: 'text', delta: 'a' };
    await sleep(500);
    yield end();
  });
  const { text, json } = await face.call('POST', '/chat/completions', body);
  expect(text).toMatch(/^ {2,}\{/);
  expect(json.choices[0].message.content).toBe('a');
});

it('and says what went wrong when it is too late for a status, so that nobody tries again', async () => {
  for (const ms of [0, 500]) {
    const face = await responsesApp(100);
    face.agent.say(async function* () {
      yield { type: 'text', delta: 'a' };
      await sleep(ms);
      throw new DragomanError('upstream_failed', { message: 'gone' });
    });
    const { status, headers, json } = await face.call('POST', '/chat/completions', body);
    expect(json.error).toMatchObject({ message: 'gone', type: 'server_error' });
    expect([status, headers['x-should-retry']]).toEqual(ms === 0 ? [502, 'false'] : [200, undefined]);
  }
});
