import fc from 'fast-check';
import { expect, it } from 'vitest';
import { newId } from '../../core/index.ts';
import { sandboxId, sessionId } from './ids.ts';

const ids = fc.stringMatching(/^[A-Za-z0-9_-]{21}$/);

it('a session’s id is one label of a host name, and comes back from it', () => {
  fc.assert(
    fc.property(ids, (id) => {
      const spelled = sandboxId(id);
      expect(spelled).toMatch(/^[a-z0-9]{25}$/);
      expect(sessionId(spelled)).toBe(id);
    }),
  );
});

it.each(['', 'x', newId(), 'z'.repeat(25), 'a'.repeat(26), 'A'.repeat(25), '-'.repeat(25)])(
  '%j names no session',
  (text) => {
    expect(sessionId(text)).toBeUndefined();
  },
);
