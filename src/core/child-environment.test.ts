import { expect, it } from 'vitest';
import { childEnvironment } from './child-environment.ts';

const service = {
  PATH: '/usr/bin',
  LANG: 'C.UTF-8',
  HOME: '/home/operator',
  https_proxy: 'http://proxy.example:3128',
  PIP_INDEX_URL: 'https://packages.example/simple',
  DRAGOMAN_API_KEYS: 'ann:secret',
  DRAGOMAN_UPSTREAM_API_KEY: 'secret',
  OPENAI_API_KEY: 'secret',
  AWS_SECRET_ACCESS_KEY: 'secret',
  NODE_OPTIONS: '--inspect',
};

it('gives a child beside sandboxes nothing but what it needs to run', () => {
  expect(childEnvironment('run', service)).toEqual({ PATH: '/usr/bin', LANG: 'C.UTF-8' });
});

it('gives set-up the proxies and package settings of the operator, and no secret of the service', () => {
  expect(childEnvironment('fetch', service)).toEqual({
    PATH: '/usr/bin',
    LANG: 'C.UTF-8',
    HOME: '/home/operator',
    https_proxy: 'http://proxy.example:3128',
    PIP_INDEX_URL: 'https://packages.example/simple',
  });
});
