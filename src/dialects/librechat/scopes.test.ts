import { describe, expect, test } from 'vitest';
import { fileScope, type ScopeClaim } from './scopes.ts';

describe('fileScope', () => {
  test.each<[ScopeClaim, object]>([
    [{}, { kind: 'user' }],
    [{ kind: '', entityId: '' }, { kind: 'user' }],
    [{ kind: null, version: null }, { kind: 'user' }],
    [{ kind: 'user', id: 'whatever it is' }, { kind: 'user' }],
    [{ entityId: 'agent_1' }, { kind: 'agent', id: 'agent_1' }],
    [{ kind: 'user', entityId: 'agent_1' }, { kind: 'user' }],
    [
      { kind: 'agent', id: 'a.b:c-d_1' },
      { kind: 'agent', id: 'a.b:c-d_1' },
    ],
    [
      { kind: 'skill', id: 's', version: '12' },
      { kind: 'skill', id: 's', version: 12 },
    ],
    [
      { kind: 'skill', id: 's', version: 0 },
      { kind: 'skill', id: 's', version: 0 },
    ],
  ])('%j is %j', (claim, scope) => expect(fileScope(claim)).toEqual(scope));

  test.each<ScopeClaim>([
    { kind: 'admin' },
    { kind: 'agent' },
    { kind: 'agent', id: '' },
    { kind: 'agent', id: 'a/b' },
    { kind: 'agent', id: 'x'.repeat(129) },
    { kind: 'agent', id: 'a', version: 1 },
    { kind: 'user', version: '1' },
    { version: '1' },
    { kind: 'skill', id: 's' },
    { kind: 'skill', id: 's', version: '' },
    { kind: 'skill', id: 's', version: ' ' },
    { kind: 'skill', id: 's', version: 'one' },
    { kind: 'skill', id: 's', version: Number.POSITIVE_INFINITY },
    { kind: 'skill', version: 1 },
    { entityId: 'a b' },
  ])('%j is refused', (claim) => {
    expect(() => fileScope(claim)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });
});
