import { expect, test } from 'vitest';
import { isLoopbackHost } from './hosts.ts';

test.each(['localhost', 'LOCALHOST', 'app.localhost', '127.0.0.1', '127.8.9.1', '::1', '[::1]', '::ffff:127.0.0.1'])(
  '%s is this machine',
  (host) => expect(isLoopbackHost(host)).toBe(true),
);

test.each([
  '0.0.0.0',
  '::',
  '',
  'example.com',
  '10.0.0.1',
  '127.0.0.1.example.com',
  'localhost.example.com',
  '1127.0.0.1',
])('%s may be another', (host) => expect(isLoopbackHost(host)).toBe(false));
