import { describe, expect, it } from 'vitest';
import { isPublicAddress, lookupPublic } from '../../src/service/webhooks/address.ts';
import { receiver, sender } from '../../src/service/webhooks/fixtures/receiver.ts';
import { attacking } from './attack.ts';

describe('a webhook', attacking('webhooks'), () => {
  it.each([
    'http://127.0.0.1:9/',
    'http://[::1]:9/',
    'http://0x7f.1:9/',
    'http://169.254.169.254/',
    'http://localhost:9/',
  ])('never reaches %s where private addresses are not allowed', async (url) => {
    const { got, url: real } = await receiver();
    const made = sender(url.replace(':9', `:${new URL(real).port}`), { allowsPrivate: false });
    await made.tell();
    await expect.poll(made.waiting).toEqual([1]);
    expect(got).toEqual([]);
  });

  it('that is told to go elsewhere does not', async () => {
    const aim = await receiver();
    const { got, url } = await receiver(302, 307, 308);
    const made = sender(url);
    for (let n = 1; n <= 3; n++) {
      await made.tell(`${n}`);
      await expect.poll(() => got.length).toBe(n);
    }
    await expect.poll(made.waiting).toEqual([1, 1, 1]);
    expect(aim.got).toEqual([]);
  });
});

describe('an address', attacking('webhooks'), () => {
  it.each([
    ...[
      '0.0.0.0',
      '10.1.2.3',
      '100.64.0.1',
      '127.0.0.1',
      '127.255.255.254',
      '169.254.169.254',
      '172.16.0.1',
      '172.31.255.255',
    ],
    ...['192.0.2.1', '192.168.1.1', '198.19.0.1', '203.0.113.9', '224.0.0.1', '240.0.0.1', '255.255.255.255'],
    ...[
      '::',
      '::1',
      '::ffff:127.0.0.1',
      '::ffff:8.8.8.8',
      '64:ff9b::7f00:1',
      '2001::1',
      '2001:db8::1',
      '2002:7f00:1::',
    ],
    ...['fc00::1', 'fd12:3456::1', 'fe80::1', 'fec0::1', 'ff02::1', '100::1', 'localhost', ''],
  ])('%s is not public', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  it.each(['8.8.8.8', '172.15.255.255', '172.32.0.1', '192.167.255.255', '2606:4700::1111', '2a00:1450::1'])(
    '%s is public',
    (address) => {
      expect(isPublicAddress(address)).toBe(true);
    },
  );

  it('is refused where a name has one that is not public', async () => {
    const error = await new Promise((resolve) => lookupPublic('localhost', { all: true }, resolve));
    expect(error).toMatchObject({ code: 'forbidden' });
  });
});
