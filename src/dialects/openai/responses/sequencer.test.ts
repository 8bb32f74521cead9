import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventLog } from './event-log.ts';
import type { WireEvent } from './events.ts';
import { fold } from './fixtures/fold.ts';
import { Sequencer } from './sequencer.ts';

const start = () => new Sequencer((type, index) => `${type}_${index}`);
const cited = {
  type: 'container_file_citation' as const,
  container_id: 'cntr_1',
  file_id: 'cfile_1',
  filename: 'a.png',
  start_index: 0,
  end_index: 0,
};

describe('the order of events', () => {
  it('is the recorded one for code and a message that cites its file', () => {
    const sequencer = start();
    const events = [
      ...sequencer.codeStart('cntr_1'),
      ...sequencer.codeDelta('print('),
      ...sequencer.codeDelta('1)'),
      ...sequencer.codeReady('print(1)'),
      ...sequencer.codeDone([{ type: 'logs', logs: '1\n' }]),
      ...sequencer.text('Look: '),
      ...sequencer.text('done'),
      ...sequencer.end(true, [cited]),
    ];
    expect(events.map(({ type }) => type)).toEqual([
      'response.output_item.added',
      'response.code_interpreter_call.in_progress',
      'response.code_interpreter_call_code.delta',
      'response.code_interpreter_call_code.delta',
      'response.code_interpreter_call_code.done',
      'response.code_interpreter_call.interpreting',
      'response.code_interpreter_call.completed',
      'response.output_item.done',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.delta',
      'response.output_text.annotation.added',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
    ]);
    expect(sequencer.output).toMatchObject([
      { type: 'code_interpreter_call', status: 'completed', code: 'print(1)', outputs: [{ logs: '1\n' }] },
      { type: 'message', status: 'completed', content: [{ text: 'Look: done', annotations: [cited] }] },
    ]);
  });

  it('sends code in one delta when it did not come in deltas', () => {
    const sequencer = start();
    const events = [...sequencer.codeStart('cntr_1'), ...sequencer.codeReady('x')];
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'response.code_interpreter_call_code.delta', delta: 'x' }),
    );
  });

  it('ends what was cut off as incomplete', () => {
    const sequencer = start();
    const events = [...sequencer.codeStart('cntr_1'), ...sequencer.codeDelta('whi'), ...sequencer.end(false, [])];
    expect(events.map(({ type }) => type)).toContain('response.code_interpreter_call_code.done');
    expect(sequencer.output).toMatchObject([{ status: 'incomplete', code: 'whi' }]);
  });

  it('tells the whole code once, also of code that was cut off while it ran', () => {
    const sequencer = start();
    const events = [...sequencer.codeStart('cntr_1'), ...sequencer.codeReady('x'), ...sequencer.end(false, [])];
    expect(events.filter(({ type }) => type === 'response.code_interpreter_call_code.done').length).toBe(1);
    expect(sequencer.output).toMatchObject([{ status: 'incomplete', code: 'x' }]);
  });

  it('gives a function call both of its ids', () => {
    const sequencer = start();
    const events = [...sequencer.functionCall('call_1', 'look', '{"a":1}')];
    expect(events.map(({ type }) => type)).toEqual([
      'response.output_item.added',
      'response.function_call_arguments.delta',
      'response.function_call_arguments.done',
      'response.output_item.done',
    ]);
    expect(events[0]).toMatchObject({ item: { id: 'function_call_0', call_id: 'call_1', arguments: '' } });
    expect(events[2]).toMatchObject({ name: 'look', arguments: '{"a":1}', item_id: 'function_call_0' });
  });
});

/** What may happen, as calls of the sequencer that leave nothing open but text or reasoning. */
type Step = (sequencer: Sequencer) => Generator<WireEvent>;

const words = fc.array(fc.string({ minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 4 });
const steps: fc.Arbitrary<Step> = fc.oneof(
  words.map(
    (deltas): Step =>
      function* (sequencer) {
        if (sequencer.isOpen === 'reasoning') yield* sequencer.close([]);
        for (const delta of deltas) yield* sequencer.text(delta);
      },
  ),
  words.map(
    (deltas): Step =>
      function* (sequencer) {
        if (sequencer.isOpen === 'text') yield* sequencer.close([cited]);
        for (const delta of deltas) yield* sequencer.reasoning(delta);
      },
  ),
  fc.tuple(words, fc.boolean(), fc.boolean()).map(
    ([deltas, streamed, whole]): Step =>
      function* (sequencer) {
        yield* sequencer.close([]);
        yield* sequencer.codeStart('cntr_1');
        if (streamed) for (const delta of deltas) yield* sequencer.codeDelta(delta);
        yield* sequencer.codeReady(whole ? deltas.join('') : 'repaired');
        yield* sequencer.codeDone([{ type: 'logs', logs: deltas.join('') }]);
      },
  ),
  fc.tuple(words, fc.boolean()).map(
    ([deltas, streamed]): Step =>
      function* (sequencer) {
        yield* sequencer.close([cited]);
        if (streamed) {
          yield* sequencer.functionStart('call_1', 'f');
          for (const delta of deltas) yield* sequencer.functionDelta(delta);
        }
        yield* sequencer.functionCall('call_1', 'f', deltas.join(''));
      },
  ),
);

/** What may be cut off in the middle. */
const cuts: fc.Arbitrary<Step> = fc.constantFrom<Step>(
  function* () {},
  function* (sequencer) {
    yield* sequencer.close([]);
    yield* sequencer.codeStart('cntr_1');
    yield* sequencer.codeDelta('x');
  },
  function* (sequencer) {
    yield* sequencer.close([]);
    yield* sequencer.functionStart('call_1', 'f');
    yield* sequencer.functionDelta('{');
  },
);

describe('the fold law', () => {
  it('holds whatever happens: folding the events gives the output', () => {
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 8 }), cuts, fc.boolean(), (all, cut, whole) => {
        const sequencer = start();
        const log = new EventLog();
        for (const step of [...all, cut]) for (const event of step(sequencer)) log.push(event);
        for (const event of sequencer.end(whole, [cited])) log.push(event);
        expect(fold(log.events)).toEqual(sequencer.output);
      }),
      { numRuns: 500 },
    );
  });
});
