import { expect, test } from 'vitest';
import { contentDisposition } from './downloads.ts';

test('contentDisposition encodes what RFC 5987 does not allow', () => {
  expect(contentDisposition("a/é (1)*'.png")).toBe("attachment; filename*=UTF-8''a%2F%C3%A9%20%281%29%2A%27.png");
  expect(contentDisposition('\ud800')).toBe("attachment; filename*=UTF-8''%EF%BF%BD");
});
