import { describe, expect, it } from 'vitest';
import { parseNatsUrl } from './nats-url.ts';

describe('the URL of NATS servers', () => {
  it('names servers, and who speaks to them', () => {
    expect(parseNatsUrl('tls://w1:pass%21@a.example:4333, tls://b.example')).toEqual({
      servers: ['a.example:4333', 'b.example:4222'],
      tls: true,
      user: 'w1',
      password: 'pass!',
    });
    expect(parseNatsUrl('nats://127.0.0.1')).toMatchObject({
      servers: ['127.0.0.1:4222'],
      tls: false,
      user: undefined,
    });
  });

  it('lets a password pass without TLS only where the network is one’s own', () => {
    expect(parseNatsUrl('nats://u:p@nats:4222')).toMatchObject({ user: 'u' });
    expect(parseNatsUrl('nats://u:p@[::1]:4222')).toMatchObject({ servers: ['[::1]:4222'] });
    expect(() => parseNatsUrl('nats://u:p@a.example')).toThrow('must begin with tls://');
    expect(() => parseNatsUrl('nats://u:p@10.0.0.7')).toThrow('must begin with tls://');
  });

  it.each(['', 'http://a', 'nats://', 'nats://a/path', 'nats://a,tls://b', 'a:4222'])('refuses %j', (text) => {
    expect(() => parseNatsUrl(text)).toThrow('must');
  });
});
