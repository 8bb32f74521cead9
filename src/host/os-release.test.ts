import { describe, expect, it } from 'vitest';
import { parseOsRelease, usesApt } from './os-release.ts';

const bookworm = `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION_CODENAME=bookworm
ID=debian
`;

describe('parseOsRelease', () => {
  it('reads quoted and bare values', () => {
    expect(parseOsRelease(bookworm)).toEqual({
      id: 'debian',
      idLike: [],
      codename: 'bookworm',
      prettyName: 'Debian GNU/Linux 12 (bookworm)',
    });
    expect(parseOsRelease('ID=\'ubuntu\'\nID_LIKE="debian  linux"').idLike).toEqual(['debian', 'linux']);
  });

  it('makes do with an empty file', () => {
    expect(parseOsRelease('')).toEqual({ id: 'linux', idLike: [], codename: '', prettyName: 'linux' });
  });
});

describe('usesApt', () => {
  it.each([
    ['ID=debian', true],
    ['ID=ubuntu\nID_LIKE=debian', true],
    ['ID=linuxmint\nID_LIKE="ubuntu debian"', true],
    ['ID=fedora', false],
    ['ID="rocky"\nID_LIKE="rhel centos fedora"', false],
  ])('%j: %s', (text, expected) => {
    expect(usesApt(parseOsRelease(text))).toBe(expected);
  });
});
