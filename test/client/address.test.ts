import { expect, it } from 'vitest';
import { pathOf } from '../../client/src/address.ts';
import { Dragoman, PathError } from '../../client/src/index.ts';

let asked = 0;
const dragoman = new Dragoman({
  url: 'http://127.0.0.1:1',
  fetch: async () => {
    asked++;
    return Response.json({});
  },
});
const wrong = ['', '.', '..', '/', 'a/b', '../keys', '\ud800'];

it('a path holds its segments as they are', () => {
  expect(pathOf('sessions', 'a b?#%2e..', 'files')).toBe('/sessions/a%20b%3F%23%252e../files');
});

it.each(wrong)('the id %j is refused before anything is sent', async (id) => {
  expect(() => dragoman.sessions.open(id)).toThrow(PathError);
  const { kernels } = dragoman.sessions.open('x');
  await expect(kernels.restart(id)).rejects.toThrow(PathError);
  await expect(kernels.delete(id)).rejects.toThrow(PathError);
  await expect(dragoman.execution(id)).rejects.toThrow(PathError);
  expect(asked).toBe(0);
});

it.each(['', '.', 'a/../b', '/a', 'a//b', 'a/\ud800'])(
  'the path %j is refused before anything is sent',
  async (path) => {
    const { files } = dragoman.sessions.open('x');
    await expect(files.get(path)).rejects.toThrow(PathError);
    await expect(files.put(path, '')).rejects.toThrow(PathError);
    await expect(files.delete(path)).rejects.toThrow(PathError);
    expect(asked).toBe(0);
  },
);

it.each([
  'http://x/../',
  'http://x/a/%2E%2e/b',
  'http://x/.',
  'http:\\\\x\\..',
  'http://x/?q',
  'http://x/#f',
  'http://user:secret@x/',
  'ftp://x/',
  'x:8080',
])('%s is no address of a service', (url) => {
  expect(() => new Dragoman({ url })).toThrow(TypeError);
});

it.each(['http://x', 'https://x:1/v1/', 'http://x.y/a..b/v1', 'http://[::1]:8080/'])('%s is one', (url) => {
  expect(() => new Dragoman({ url })).not.toThrow();
});
