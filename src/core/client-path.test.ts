import { describe, expect, test } from 'vitest';
import { clientPath, relativeName } from './client-path.ts';

describe('the workspace path of a name', () => {
  test.each([
    ['a.csv', 'a.csv'],
    ['dir/a b.csv', 'dir/a b.csv'],
    ['/mnt/data/a.csv', 'a.csv'],
    ['/mnt/data//dir/a.csv', 'dir/a.csv'],
    ['sandbox:/mnt/data/a.csv', 'a.csv'],
    ['C:\\fakepath\\a.csv', 'a.csv'],
    ['c:\\Users\\Ann\\a b.csv', 'a b.csv'],
    ['Gera\u0308t.csv', 'Ger\u00e4t.csv'],
    ['mnt/data/a.csv', 'mnt/data/a.csv'],
  ])('%j is %j', (name, path) => expect(clientPath(name)).toBe(path));

  test.each([
    '',
    '/',
    '/etc/passwd',
    '..',
    '../a',
    'dir\\a',
    '/mnt/data/../a',
    '/mnt/data/',
    'a\0',
    'C:\\',
    'C:\\a\\..',
    './a',
  ])('%j is refused', (name) => expect(() => clientPath(name)).toThrow('file name'));
});

test('the name of an upload keeps its form of Unicode', () => {
  expect(relativeName('C:\\fakepath\\Gera\u0308t.csv')).toBe('Gera\u0308t.csv');
});
