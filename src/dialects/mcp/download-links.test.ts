import { expect, test } from 'vitest';
import { DownloadLinks } from './download-links.ts';

const ada = { id: 'ada', tenant: 'ada', name: 'Ada' };
const file = { sessionId: 'Qy3kZr0vXc7TgWbN5mLpA', id: 'h2Jx8sUe4YdFq6KoVn1Ra' };
const day = 86_400_000;

function links(options: { publicUrl?: string | undefined; secret?: Buffer } = {}) {
  let time = 1_700_000_000_000;
  const { publicUrl, secret } = { publicUrl: 'https://code.example.org', secret: Buffer.alloc(32, 1), ...options };
  const made = new DownloadLinks({ publicUrl, secret, now: () => time });
  return {
    made,
    wait: (ms: number) => {
      time += ms;
    },
  };
}
const tokenOf = (url: string | undefined) => url!.slice('https://code.example.org/mcp/files/'.length);

test('a link leads to its file, for three days', () => {
  const { made, wait } = links();
  const token = tokenOf(made.make(ada, file));
  expect(made.read(token)).toEqual({ principal: ada, sessionId: file.sessionId, fileId: file.id });
  wait(3 * day - 1000);
  expect(made.read(token)).toBeDefined();
  wait(2000);
  expect(made.read(token)).toBeUndefined();
});

test('a link tells nothing of what it leads to, and no two are the same', () => {
  const { made } = links();
  const [one, other] = [tokenOf(made.make(ada, file)), tokenOf(made.make(ada, file))];
  expect(one).not.toBe(other);
  expect(Buffer.from(one, 'base64url').toString('latin1')).not.toMatch(/ada|Qy3k/);
});

test('a link that was changed anywhere, or made with another secret, leads nowhere', () => {
  const { made } = links();
  const token = tokenOf(made.make(ada, file));
  for (let place = 0; place < token.length; place++) {
    const other = token[place] === 'A' ? 'B' : 'A';
    expect(made.read(token.slice(0, place) + other + token.slice(place + 1))).toBeUndefined();
  }
  for (const wrong of ['', 'A', 'A'.repeat(38), token.slice(2), `${token}AAAA`, `${token}=`])
    expect(made.read(wrong)).toBeUndefined();
  expect(links({ secret: Buffer.alloc(32, 2) }).made.read(token)).toBeUndefined();
});

test('there is none without a public address, nor for an owner whose name would make it too long', () => {
  expect(links({ publicUrl: undefined }).made.make(ada, file)).toBeUndefined();
  expect(links().made.make({ ...ada, id: 'x'.repeat(400) }, file)).toBeUndefined();
});
