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

const unclaimed = { kind: 'unclaimed' } as const;

describe('mayUse', () => {
  it.each([user, agent, skill])('lets the maker use what it stored as %o, until it expires', (scope) => {
    for (const claim of [unclaimed, scope]) {
      expect(mayUse(maker, claim, session(scope), 99)).toBe(true);
      expect(mayUse(maker, claim, session(scope), 100)).toBe(false);
    }
  });

  it.each([
    [agent, user],
    [{ kind: 'agent', id: 'b' }, agent],
    [skill, agent],
    [{ ...skill, version: 3 }, skill],
    [{ ...skill, id: 'l' }, skill],
    [user, agent],
    [user, skill],
  ] as [FileScope, FileScope][])('refuses the claim %o for what is %o, from the maker too', (claim, scope) => {
    for (const principal of [maker, colleague]) expect(mayUse(principal, claim, session(scope), 0)).toBe(false);
  });

  it('shares within the tenant what is named exactly', () => {
    expect(mayUse(colleague, user, session(user), 0)).toBe(false);
    expect(mayUse(colleague, agent, session(agent), 0)).toBe(true);
    expect(mayUse(colleague, skill, session(skill), 0)).toBe(true);
    for (const scope of [user, agent, skill]) expect(mayUse(colleague, unclaimed, session(scope), 0)).toBe(false);
  });

  it('shares nothing across tenants', () => {
    for (const scope of [user, agent, skill])
      for (const claim of [scope, unclaimed]) expect(mayUse(stranger, claim, session(scope), 0)).toBe(false);
  });
});
