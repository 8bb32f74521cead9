import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { configurationPage, configurationPagePath } from './generate-docs.ts';

test('docs/reference/configuration.md is what `npm run docs` writes', () => {
  expect(readFileSync(configurationPagePath, 'utf8')).toBe(configurationPage());
});
