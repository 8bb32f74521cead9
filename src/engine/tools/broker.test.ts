import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../../../test/support/eventually.ts';
import type { ToolCall, ToolDefinition } from '../../core/index.ts';
import type { ScriptedBackend } from '../../sandbox/fixtures/scripted-backend.ts';
import type { ScriptedSandbox } from '../../sandbox/fixtures/scripted-sandbox.ts';
import { limits, startScriptedEngine } from '../fixtures/scripted-engine.ts';
import type { Engine, ToolBroker } from '../port.ts';

const echo: ToolDefinition = {
  name: 'echo',
  parameters: { type: 'object', properties: { n: { type: 'number' } }, required: ['n'] },
};

let engine: Engine;
let backend: ScriptedBackend;
let answers: { id: number; error: boolean }[];
beforeEach(() => {
  answers = [];
});
// One for all tests: the thread that checks schemas takes half a second to start.
beforeAll(async () => {
  ({ engine, backend } = await startScriptedEngine({
    intercept(frame) {
      if (frame.op === 'answer') answers.push({ id: frame.id, error: frame.error });
      return false;
    },
  }));
});
afterAll(() => engine.close());

const guestOf = () => backend.made.findLast(({ owner }) => owner === 'ann')!;
const tokenOf = (guest: ScriptedSandbox) => {
  const frame = guest.orders.findLast(({ op }) => op === 'program')!;
  return 'token' in frame ? frame.token : '';
};
const call = (guest: ScriptedSandbox, id: number, input: unknown, name = 'echo') =>
  guest.claim({ claim: 'call', token: tokenOf(guest), id, name, input: JSON.stringify(input) });
const wait = (guest: ScriptedSandbox, ...pending: number[]) =>
  guest.claim({ claim: 'waiting', token: tokenOf(guest), pending });
const answered = (count: number) => eventually(() => expect(answers).toHaveLength(count));

/** Runs a Bash program that may call `echo`; `onRound` hears of every round of calls. */
async function runWithTools(onRound: (calls: readonly ToolCall[], tools: ToolBroker) => void, waitMs = 5000) {
  const tools = engine.tools('bash', [echo], waitMs, 'ann');
  const request = { language: 'bash', code: 'true', args: [], stdin: undefined, inputs: [], limits, owner: 'ann' };
  const run = await engine.execute(request, {
    tools,
    onEvent: (event) => event.type === 'tool_calls' && onRound(event.calls, tools),
  });
  run.release();
  return { ...run.result, tools };
}

describe('tool calls', () => {
  it('go out as one round while the sandbox is frozen, and it goes on when one is answered', async () => {
    backend.run = async (_, guest) => {
      await call(guest, 1, { n: 1 });
      await call(guest, 2, { n: 2 });
      await wait(guest, 1, 2);
      await answered(2);
      return 0;
    };
    const rounds: unknown[] = [];
    const result = await runWithTools((calls, tools) => {
      rounds.push(calls.map(({ id, name, input }) => [id, name, input]));
      expect([guestOf().isFrozen, tools.isParked, tools.pending.length]).toEqual([true, true, 2]);
      tools.answer(calls.map(({ id }) => ({ id, value: id })));
      expect([guestOf().isFrozen, tools.isParked, tools.pending.length]).toEqual([false, false, 0]);
    });
    expect(result.outcome).toBe('completed');
    expect(rounds).toEqual([
      [
        ['call_001', 'echo', { n: 1 }],
        ['call_002', 'echo', { n: 2 }],
      ],
    ]);
    expect(answers).toEqual([
      { id: 1, error: false },
      { id: 2, error: false },
    ]);
  });

  it('of unknown tools, with wrong input, and too many are refused without the caller', async () => {
    backend.run = async (_, guest) => {
      await call(guest, 1, {}, 'rm');
      await call(guest, 2, { n: 'one' });
      await call(guest, 3, []);
      await answered(3);
      for (let id = 4; id <= 204; id++) await call(guest, id, { n: id });
      await answered(6);
      return 0;
    };
    const rounds: unknown[] = [];
    await runWithTools((calls) => rounds.push(calls));
    expect([rounds, answers.every(({ error }) => error)]).toEqual([[], true]);
  });

  it('that the program no longer waits for are given up, and their answers change nothing', async () => {
    const told: (readonly ToolCall[])[] = [];
    backend.run = async (_, guest) => {
      await call(guest, 1, { n: 1 });
      await wait(guest, 1);
      await answered(1);
      await call(guest, 2, { n: 2 });
      await wait(guest);
      return 0;
    };
    const { tools } = await runWithTools((calls, tools) => {
      told.push(calls);
      tools.answer([{ id: 'call_001', error: 'no' }]);
    });
    expect(told.map((calls) => calls.map(({ id }) => id))).toEqual([['call_001']]);
    expect(answers).toEqual([{ id: 1, error: true }]);
    expect(() => tools.answer([{ id: 'call_001', error: 'no' }])).toThrow('ended');
  });

  it('are answered once: the same answer again is fine, another is a conflict, an unknown id an error', async () => {
    backend.run = async (_, guest) => {
      await call(guest, 1, { n: 1 });
      await wait(guest, 1);
      await answered(1);
      return 0;
    };
    const codes: unknown[] = [];
    await runWithTools((calls, tools) => {
      const codeOf = (work: () => unknown) => {
        try {
          return work();
        } catch (error) {
          return (error as { code: string }).code;
        }
      };
      codes.push(codeOf(() => tools.answer([{ id: 'call_002', value: 1 }])));
      codes.push(
        codeOf(() =>
          tools.answer([
            { id: 'call_001', value: 1 },
            { id: 'call_001', value: 2 },
          ]),
        ),
      );
      codes.push(codeOf(() => tools.answer([{ id: 'call_001', value: 'x'.repeat(6_000_000) }])));
      codes.push(codeOf(() => tools.check([{ id: calls[0]!.id, value: 1 }])));
      tools.answer([{ id: 'call_001', value: 1 }]);
      codes.push(codeOf(() => tools.check([{ id: 'call_001', value: 1 }])));
      codes.push(codeOf(() => tools.answer([{ id: 'call_001', value: 2 }])));
    });
    expect(codes).toEqual(['invalid_request', 'invalid_request', 'invalid_request', true, false, 'conflict']);
    expect(answers).toEqual([{ id: 1, error: false }]);
  });

  it('that stay unanswered for too long cancel the program; waiting does not count as its time', async () => {
    backend.run = async (_, guest) => {
      await call(guest, 1, { n: 1 });
      await wait(guest, 1);
      return undefined;
    };
    const result = await runWithTools(() => {}, 50);
    expect(result.outcome).toBe('cancelled');
    expect(result.usage.wallMs).toBeLessThan(50_000);
  });

  it('of a sandbox that cannot be stopped cancel the program', async () => {
    backend.run = async (_, guest) => {
      const freeze = guest.freeze.bind(guest);
      guest.freeze = () => {
        guest.freeze = freeze;
        return Promise.reject(new Error('does not stop'));
      };
      await call(guest, 1, { n: 1 });
      await wait(guest, 1);
      return undefined;
    };
    expect((await runWithTools(() => {})).outcome).toBe('cancelled');
  });

  it('are refused for a language whose programs cannot call tools', () => {
    expect(() => engine.tools('c', [echo], 1000, 'ann')).toThrow('cannot call tools');
  });
});
