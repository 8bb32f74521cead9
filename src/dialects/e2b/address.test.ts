import { expect, it } from 'vitest';
import { readdressControl, readdressToSandbox } from './address.ts';

const to = (url: string, headers = {}) => readdressToSandbox({ url, shown: url, headers });

it.each([
  ['/execute', { 'e2b-sandbox-id': 'abc', 'e2b-sandbox-port': '49999' }, '/e2b/sandbox/abc/49999/execute'],
  ['/files?path=x', { 'e2b-sandbox-id': 'abc' }, '/e2b/sandbox/abc/49983/files?path=x'],
  ['/files', { host: '49983-abc.code.example:8080' }, '/e2b/sandbox/abc/49983/files'],
  ['/execute', { host: '49999-ABC.code.example' }, '/e2b/sandbox/abc/49999/execute'],
  ['/x', { host: '1-other.x', 'e2b-sandbox-id': 'abc' }, '/e2b/sandbox/abc/49983/x'],
  ['/files?path=x&signature=v1_q', {}, '/e2b/sandbox/-/49983/files?path=x&signature=v1_q'],
  ['/x', { 'e2b-sandbox-id': '../../v1', 'e2b-sandbox-port': '1/2' }, '/e2b/sandbox/none/none/x'],
  ['/x', { 'e2b-sandbox-id': ['abc', 'd'] }, '/e2b/sandbox/abc/49983/x'],
])('%s with %j is for a sandbox', (url, headers, expected) => {
  expect(to(url, headers)).toBe(expected);
});

it.each([
  ['/files?path=x', {}],
  ['/files?path=signature=v1_', { host: 'code.example' }],
  ['/execute', { host: 'x49999-abc.code.example' }],
  ['/execute', { host: '49999-abc' }],
  ['/execute', { host: '127.0.0.1:8080' }],
])('%s with %j is for others', (url, headers) => {
  expect(to(url, headers)).toBeUndefined();
});

it.each(['/sandboxes', '/v2/sandboxes?limit=1', '/sandboxes/abc', '/v3/templates', '/templates/aliases/base'])(
  '%s is of the control plane',
  (url) => {
    expect(readdressControl({ url, shown: url, headers: {} })).toBe(`/e2b${url}`);
  },
);

it.each(['/sandboxesx', '/sessions', '/v4/sandboxes', '/', '/files'])('%s is not', (url) => {
  expect(readdressControl({ url, shown: url, headers: {} })).toBeUndefined();
});
