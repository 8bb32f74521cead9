import { describe, expect, it } from 'vitest';
import { LastAnswers } from './last-answers.ts';
import type { ProgramAnswer } from './programmatic-wire.ts';

const ann = { id: 'ann', tenant: 't', name: 'ann', authContext: 'a' };
const request = { continuation_token: 'token', tool_results: [{ call_id: 'call_001', result: { n: 1 } }] };
const answer = (stdout: string): ProgramAnswer => ({
  status: 'completed',
  session_id: 's',
  storage_session_id: 's',
  stdout,
  stderr: '',
  files: [],
});

describe('the last answer of a program', () => {
  it('is for the same caller and the same request, for ten minutes', () => {
    let now = 0;
    const answers = new LastAnswers(() => now);
    answers.keep('e', ann, request, answer('out'));
    now = 10 * 60_000 - 1;
    expect(answers.find('e', { ...ann, name: 'renewed' }, structuredClone(request))).toMatchObject({ stdout: 'out' });
    expect(answers.find('other', ann, request)).toBeUndefined();
    expect(answers.find('e', { ...ann, authContext: 'b' }, request)).toBeUndefined();
    expect(answers.find('e', ann, { ...request, tool_results: [] })).toBeUndefined();
    now++;
    expect(answers.find('e', ann, request)).toBeUndefined();
  });

  it('gives way to later ones when they are many or large', () => {
    const answers = new LastAnswers(() => 0);
    for (let count = 0; count < 600; count++) answers.keep(`e${count}`, ann, request, answer(''));
    expect(answers.find('e0', ann, request)).toBeUndefined();
    expect(answers.find('e599', ann, request)).toBeDefined();
    for (let count = 0; count < 40; count++) answers.keep(`l${count}`, ann, request, answer('x'.repeat(1024 * 1024)));
    expect(answers.find('l0', ann, request)).toBeUndefined();
    expect(answers.find('l39', ann, request)).toBeDefined();
  });

  it('of one principal is not dropped for the many and large ones of another', () => {
    const answers = new LastAnswers(() => 0);
    const bob = { ...ann, id: 'bob' };
    answers.keep('b', bob, request, answer('bob'));
    for (let count = 0; count < 600; count++) answers.keep(`e${count}`, ann, request, answer('x'.repeat(100_000)));
    expect(answers.find('b', bob, request)).toMatchObject({ stdout: 'bob' });
    expect(answers.find('b', ann, request)).toBeUndefined();
  });
});
