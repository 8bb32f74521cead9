import { describe, expect, it } from 'vitest';
import type { FileScope, FileSet } from '../../core/index.ts';
import { mayUse } from './access.ts';

const session = (scope: FileScope): FileSet => ({
  id: 's',
  tenant: 't',
  principalId: 'maker',
  scope,
  createdAt: 0,
  expiresAt: 100,
});
const maker = { id: 'maker', tenant: 't', name: '' };
const colleague = { id: 'colleague', tenant: 't', name: '' };
const stranger = { id: 'maker', tenant: 'elsewhere', name: '' };
const user: FileScope = { kind: 'user' };
const agent: FileScope = { kind: 'agent', id: 'a' };
const skill: FileScope = { kind: 'skill', id: 'k', version: 2 };

describe('mayUse', () => {
  it.each([user, agent, skill])('lets the maker use what it stored as %o, until it expires', (scope) => {
    expect(mayUse(maker, user, session(scope), 99)).toBe(true);
    expect(mayUse(maker, scope, session(scope), 100)).toBe(false);
  });

  it('shares within the tenant what is named exactly', () => {
    expect(mayUse(colleague, user, session(user), 0)).toBe(false);
    expect(mayUse(colleague, agent, session(agent), 0)).toBe(true);
    expect(mayUse(colleague, { kind: 'agent', id: 'b' }, session(agent), 0)).toBe(false);
    expect(mayUse(colleague, user, session(agent), 0)).toBe(false);
    expect(mayUse(colleague, skill, session(skill), 0)).toBe(true);
    expect(mayUse(colleague, { ...skill, version: 3 }, session(skill), 0)).toBe(false);
    expect(mayUse(colleague, { kind: 'agent', id: 'k' }, session(skill), 0)).toBe(false);
  });

  it('shares nothing across tenants', () => {
    for (const scope of [user, agent, skill]) expect(mayUse(stranger, scope, session(scope), 0)).toBe(false);
  });
});
