import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ResponseEvent } from '../../../assistant/index.ts';
import { ItemWriter } from '../../../assistant/responses/item-writer.ts';
import { fold } from './fixtures/fold.ts';
import { wireOutputItem } from './translate.ts';
import { WireEvents } from './wire-events.ts';

const start = () => new ItemWriter((index) => `item_${index}`);
const cited = { sessionId: 's', fileId: '1', name: 'a.png', start: 0, end: 0 };
const annotation = {
  type: 'container_file_citation',
  container_id: 'cntr_s',
  file_id: 'cfile_1',
  filename: 'a.png',
  start_index: 0,
  end_index: 0,
};
const translated = (events: Iterable<ResponseEvent>) => {
  const wire = new WireEvents(true);
  return [...events].flatMap((event) => [...wire.of(event)]);
};
const outputOf = (writer: ItemWriter) => writer.items.map((item) => wireOutputItem(item, true));

describe('the order of events', () => {
  it('is the recorded one for code and a message that cites its file', () => {
    const writer = start();
    const events = translated([
      ...writer.codeStart('cntr_1'),
      ...writer.delta('print('),
      ...writer.delta('1)'),
      ...writer.codeReady('print(1)'),
      ...writer.codeDone('completed', [{ type: 'logs', text: '1\n' }]),
      ...writer.text('Look: '),
      ...writer.text('done'),
      ...writer.end(true, [cited], []),
    ]);
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
    expect(outputOf(writer)).toMatchObject([
      { type: 'code_interpreter_call', status: 'completed', code: 'print(1)', outputs: [{ logs: '1\n' }] },
      { type: 'message', status: 'completed', content: [{ text: 'Look: done', annotations: [annotation] }] },
    ]);
  });

  it('sends code in one delta when it did not come in deltas', () => {
    const writer = start();
    const events = translated([...writer.codeStart('cntr_1'), ...writer.codeReady('x')]);
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'response.code_interpreter_call_code.delta', delta: 'x' }),
    );
  });

  it('ends what was cut off as incomplete', () => {
    const writer = start();
    const events = translated([...writer.codeStart('cntr_1'), ...writer.delta('whi'), ...writer.end(false, [], [])]);
    expect(events.map(({ type }) => type)).toContain('response.code_interpreter_call_code.done');
    expect(outputOf(writer)).toMatchObject([{ status: 'incomplete', code: 'whi' }]);
  });

  it('tells the whole code once, also of code that was cut off while it ran', () => {
    const writer = start();
    const events = translated([...writer.codeStart('cntr_1'), ...writer.codeReady('x'), ...writer.end(false, [], [])]);
    expect(events.filter(({ type }) => type === 'response.code_interpreter_call_code.done').length).toBe(1);
    expect(outputOf(writer)).toMatchObject([{ status: 'incomplete', code: 'x' }]);
  });

  it('gives a function call both of its ids', () => {
    const writer = start();
    const events = translated([...writer.functionCall('call_1', 'look', '{"a":1}')]);
    expect(events.map(({ type }) => type)).toEqual([
      'response.output_item.added',
      'response.function_call_arguments.delta',
      'response.function_call_arguments.done',
      'response.output_item.done',
    ]);
    expect(events[0]).toMatchObject({ item: { id: 'item_0', call_id: 'call_1', arguments: '' } });
    expect(events[2]).toMatchObject({ name: 'look', arguments: '{"a":1}', item_id: 'item_0' });
  });
});

/** What may happen, as calls of the writer that leave nothing open but text or reasoning. */
type Step = (writer: ItemWriter) => Generator<ResponseEvent>;

const words = fc.array(fc.string({ minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 4 });
const steps: fc.Arbitrary<Step> = fc.oneof(
  words.map(
    (deltas): Step =>
      function* (writer) {
        if (writer.openBlock === 'reasoning') yield* writer.closeBlock([]);
        for (const delta of deltas) yield* writer.text(delta);
      },
  ),
  words.map(
    (deltas): Step =>
      function* (writer) {
        if (writer.openBlock === 'text') yield* writer.closeBlock([cited]);
        for (const delta of deltas) yield* writer.reasoning(delta);
      },
  ),
  fc.tuple(words, fc.boolean(), fc.boolean()).map(
    ([deltas, streamed, whole]): Step =>
      function* (writer) {
        yield* writer.closeBlock([]);
        yield* writer.codeStart('cntr_1');
        if (streamed) for (const delta of deltas) yield* writer.delta(delta);
        yield* writer.codeReady(whole ? deltas.join('') : 'repaired');
        yield* writer.codeDone('completed', [{ type: 'logs', text: deltas.join('') }]);
      },
  ),
  fc.tuple(words, fc.boolean()).map(
    ([deltas, streamed]): Step =>
      function* (writer) {
        yield* writer.closeBlock([cited]);
        if (streamed) {
          yield* writer.functionStart('call_1', 'f');
          for (const delta of deltas) yield* writer.delta(delta);
        }
        yield* writer.functionCall('call_1', 'f', deltas.join(''));
      },
  ),
);

/** What may be cut off in the middle. */
const cuts: fc.Arbitrary<Step> = fc.constantFrom<Step>(
  function* () {},
  function* (writer) {
    yield* writer.closeBlock([]);
    yield* writer.codeStart('cntr_1');
    yield* writer.delta('x');
  },
  function* (writer) {
    yield* writer.closeBlock([]);
    yield* writer.functionStart('call_1', 'f');
    yield* writer.delta('{');
  },
);

describe('the fold law', () => {
  it('holds for every order of steps: folding the events gives the output', () => {
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 8 }), cuts, fc.boolean(), (all, cut, whole) => {
        const writer = start();
        const events = [...all, cut].flatMap((step) => [...step(writer)]);
        events.push(...writer.end(whole, [cited], []));
        expect(fold(translated(events))).toEqual(outputOf(writer));
      }),
      { numRuns: 500 },
    );
  });
});
