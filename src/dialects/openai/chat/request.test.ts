import { describe, expect, test } from 'vitest';
import { modelSettings, parseBody, toolsOf, withSwitches } from './request.ts';

const messages = [{ role: 'user', content: 'Hi' }];
const body = (fields: object) => parseBody({ messages, ...fields });
const code = { type: 'code_interpreter' };
const named = (name: string) => ({ type: 'function', function: { name } });

describe('a switch', () => {
  const other = { type: 'function', function: { name: 'f' } };
  test.each([
    [{ code_interpreter: true }, { tools: [code] }],
    [
      { code_interpreter: true, model: 'm', tools: [other] },
      { model: 'm', tools: [other, code] },
    ],
    [{ code_interpreter: true, tools: [code] }, { tools: [code] }],
    [{ code_interpreter: false, tools: [other] }, { tools: [other] }],
    [{ code_interpreter: null }, {}],
    [{ model: 'openai/gpt-5+code' }, { model: 'openai/gpt-5', tools: [code] }],
    [{ model: '+code' }, { tools: [code] }],
    [
      { model: 'm', tools: [other] },
      { model: 'm', tools: [other] },
    ],
    [{ code_interpreter: 'yes' }, { code_interpreter: 'yes' }],
    [{ code_interpreter: true, tools: 5 }, { tools: 5 }],
  ])('%j becomes %j', (given, meant) => {
    expect(withSwitches({ messages, ...given })).toEqual({ messages, ...meant });
  });
});

describe('a request', () => {
  test.each([
    [{ messages: [] }, 'messages'],
    [{ messages: [{ role: 'function', content: 'x' }] }, 'messages[0].role'],
    [{ messages: [{ role: 'user', content: [{ type: 'input_audio' }] }] }, 'messages[0].content[0].type'],
    [{ tools: [{ type: 'web_search' }] }, 'tools[0].type'],
    [{ tools: [code, code] }, 'tools[1]'],
    [{ tools: [named('f'), named('f')] }, 'tools[1].function.name'],
    [{ tools: [named('no spaces')] }, 'tools[0].function.name'],
    [{ tools: [{ ...code, timeout_ms: '5' }] }, 'tools[0].timeout_ms'],
    [{ tools: [{ ...code, timeout_ms: 0 }] }, 'tools[0].timeout_ms'],
    [{ tools: [{ ...code, sandbox_timeout_ms: 1.5 }] }, 'tools[0].sandbox_timeout_ms'],
    [{ tools: [{ ...code, sandbox_timeout_ms: -1 }] }, 'tools[0].sandbox_timeout_ms'],
    [{ n: 2 }, 'n'],
    [{ temperature: 'hot' }, 'temperature'],
    [{ model: '' }, 'model'],
  ])('with %j is refused, naming the field', (fields, param) => {
    expect(() => body(fields)).toThrow(expect.objectContaining({ code: 'invalid_request', param }));
  });

  test('without messages says which parameter is missing', () => {
    expect(() => parseBody({})).toThrow(
      expect.objectContaining({ param: 'messages', wireCode: 'missing_required_parameter' }),
    );
  });

  test('passes on what it does not know', () => {
    const settings = modelSettings(
      body({
        model: 'm',
        max_tokens: 5,
        max_completion_tokens: 7,
        stop: 'END',
        seed: 3,
        top_k: 4,
        logit_bias: { 1: 2 },
      }),
    );
    expect(settings).toMatchObject({
      model: 'm',
      maxOutputTokens: 7,
      stop: ['END'],
      seed: 3,
      extra: { top_k: 4, logit_bias: { 1: 2 } },
    });
    expect(Object.keys(settings.extra!)).toEqual(['top_k', 'logit_bias']);
  });

  test('may ask for a format', () => {
    const json_schema = { name: 'n', schema: { type: 'object' }, strict: true };
    expect(modelSettings(body({ response_format: { type: 'json_schema', json_schema } })).format).toEqual({
      type: 'json_schema',
      ...json_schema,
    });
    expect(modelSettings(body({ response_format: { type: 'json_object' } })).format).toEqual({ type: 'json_object' });
  });
});

describe('the choice of tools', () => {
  const tools = [code, named('f'), named('g')];
  const chosen = (tool_choice: unknown) => toolsOf(body({ tools, tool_choice }));

  test.each([
    [undefined, 'auto'],
    [null, 'auto'],
    ['none', 'none'],
    ['required', 'required'],
    [code, { type: 'code' }],
    [named('g'), { type: 'function', name: 'g' }],
  ])('%j', (choice, meant) => {
    expect(chosen(choice).choice).toEqual(meant);
  });

  test('may leave some of them out', () => {
    const {
      code: left,
      functions,
      choice,
    } = chosen({
      type: 'allowed_tools',
      allowed_tools: { mode: 'required', tools: [named('g')] },
    });
    expect([left, functions.map(({ name }) => name), choice]).toEqual([undefined, ['g'], 'required']);
  });

  test('cannot be of one that is not given', () => {
    const refusal = expect.objectContaining({ param: 'tool_choice' });
    expect(() => chosen(named('h'))).toThrow(refusal);
    expect(() => toolsOf(body({ tool_choice: code }))).toThrow(refusal);
    expect(() => toolsOf(body({ tool_choice: 'required' }))).toThrow(refusal);
  });
});
