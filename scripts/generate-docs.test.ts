import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { clientTypes, clientTypesPath } from './client-types.ts';
import { configurationPage, configurationPagePath } from './generate-docs.ts';
import { seccompPage, seccompPagePath } from './seccomp-page.ts';

test('docs/reference/configuration.md is what `npm run docs` writes', () => {
  expect(readFileSync(configurationPagePath, 'utf8')).toBe(configurationPage());
});

test('docs/reference/seccomp.md is what `npm run docs` writes', () => {
  expect(readFileSync(seccompPagePath, 'utf8')).toBe(seccompPage());
});

test('client/src/api.ts is what `npm run docs` writes', async () => {
  expect(readFileSync(clientTypesPath, 'utf8')).toBe(await clientTypes());
});
