import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { faultsOf, load as loadAll } from './fixtures/usual.ts';

const load = (env: Record<string, string>) => loadAll(env).upstreams;

const several = (upstreams: unknown) => ({ DRAGOMAN_UPSTREAMS: JSON.stringify(upstreams) });
const plain = { models: undefined, aliases: {}, vision: false, stream: true, headers: {} };

test('one provider needs no more than its address', () => {
  const env = {
    DRAGOMAN_UPSTREAM_PROVIDER: 'openai-compatible',
    DRAGOMAN_UPSTREAM_BASE_URL: 'http://localhost:11434/v1/',
  };
  const provider = { ...plain, name: '', provider: 'openai-compatible', apiKey: undefined };
  expect(load(env)).toMatchObject({
    providers: [{ ...provider, baseUrl: 'http://localhost:11434/v1' }],
    defaultModel: undefined,
    passthrough: false,
  });
  const more = { DRAGOMAN_UPSTREAM_API_KEY: 'k', DRAGOMAN_UPSTREAM_MODEL: 'm', DRAGOMAN_UPSTREAM_VISION: 'true' };
  expect(load({ ...env, ...more })).toMatchObject({ providers: [{ apiKey: 'k', vision: true }], defaultModel: 'm' });
});

test('several providers have names, and keys from the environment', () => {
  const upstreams = {
    local: {
      provider: 'openai-compatible',
      base_url: 'http://localhost:1',
      models: ['a'],
      aliases: { b: 'a' },
      vision: ['a'],
    },
    claude: { provider: 'anthropic', api_key_env: 'ANTHROPIC_API_KEY', headers: { 'x-team': 'us' }, stream: false },
  };
  const providers = [
    {
      ...plain,
      name: 'local',
      provider: 'openai-compatible',
      baseUrl: 'http://localhost:1',
      apiKey: undefined,
      models: ['a'],
      aliases: { b: 'a' },
      vision: ['a'],
    },
    {
      ...plain,
      name: 'claude',
      provider: 'anthropic',
      baseUrl: undefined,
      apiKey: 'secret',
      headers: { 'x-team': 'us' },
      stream: false,
    },
  ];
  expect(load({ ...several(upstreams), ANTHROPIC_API_KEY: 'secret' }).providers).toEqual(providers);
  expect(
    load({ ...several(upstreams), ANTHROPIC_API_KEY: 'secret', DRAGOMAN_UPSTREAM_PROVIDER: 'openai' }).providers,
  ).toHaveLength(3);
});

test('several providers may be in a file', () => {
  const directory = mkdtempSync(join(tmpdir(), 'dragoman-upstreams-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'upstreams.json');
  writeFileSync(path, '{"x":{"provider":"google","api_key":"k"}}');
  expect(load({ DRAGOMAN_UPSTREAMS: path }).providers).toMatchObject([{ name: 'x', provider: 'google', apiKey: 'k' }]);
  expect(faultsOf({ DRAGOMAN_UPSTREAMS: join(directory, 'none') })).toEqual([expect.stringMatching(/\(ENOENT\)$/)]);
});

test.each([
  [{ DRAGOMAN_UPSTREAM_PROVIDER: 'openai-compatible' }, /^DRAGOMAN_UPSTREAM_BASE_URL must be set when/],
  [{ DRAGOMAN_UPSTREAM_PROVIDER: 'mistral' }, /^DRAGOMAN_UPSTREAM_PROVIDER must be one of openai-compatible, /],
  [{ DRAGOMAN_UPSTREAM_API_KEY: 'sk-1' }, /need DRAGOMAN_UPSTREAM_PROVIDER to be set$/],
  [
    { DRAGOMAN_UPSTREAM_PROVIDER: 'openai', DRAGOMAN_UPSTREAM_BASE_URL: 'ftp://sk-1@x' },
    /must be an http or https URL$/,
  ],
  [{ DRAGOMAN_UPSTREAMS: '{sk-1' }, /^DRAGOMAN_UPSTREAMS is not valid JSON$/],
  [several({ a: { provider: 'sk-1' } }), /^DRAGOMAN_UPSTREAMS a\.provider: /],
  [
    several({ a: { provider: 'openai-compatible', api_key: 'sk-1' } }),
    /a\.base_url: must be set for openai-compatible$/,
  ],
  [several({ a: { provider: 'openai', key: 'sk-1' } }), /a: Unrecognized key: "key"$/],
  [several({ 'a/b': { provider: 'openai' } }), /a\/b: /],
  [several({ a: { provider: 'openai', api_key_env: 'NO_SUCH' } }), /a: api_key_env names a variable that is not set$/],
])('%j is refused, and nothing of it repeated', (env, fault) => {
  const faults = faultsOf(env as Record<string, string>);
  expect(faults).toEqual([expect.stringMatching(fault)]);
  expect(faults.join()).not.toContain('sk-1');
});
