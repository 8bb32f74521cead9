import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newId } from '../../../src/core/index.ts';
import { type Bytes, type GrantedContent, HttpSender, type SignedRequest, textOf } from '../../../src/stores/index.ts';

const lifeMs = 60_000;
const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const contentOf = (bytes: Uint8Array): GrantedContent => ({
  digest: digestOf(bytes),
  size: bytes.byteLength,
  hold: newId(),
});
const refusals = [400, 401, 403, 404, 405, 411, 412, 501];

/** What every driver keeps to whose bytes are moved by signed requests. */
export function describeDirect(name: string, make: () => Promise<Bytes>): void {
  describe(`signed requests: ${name}`, () => {
    let store: Bytes;
    let sender: HttpSender;

    beforeEach(async () => {
      store = await make();
      await store.start();
      sender = new HttpSender();
    });

    afterEach(async () => {
      sender.close();
      await store.close();
    });

    const put = async (request: SignedRequest, body: Uint8Array | (() => Readable), method = 'PUT') => {
      const answer = await sender.send({ method, ...request, body });
      await textOf(answer);
      return answer.statusCode!;
    };
    const without = ({ url, headers }: SignedRequest, header: string): SignedRequest => ({
      url,
      headers: Object.fromEntries(Object.entries(headers).filter(([key]) => key !== header)),
    });

    it.each([0, 1, 300_000])('store %i bytes, which are then read', async (size) => {
      const bytes = randomBytes(size);
      const content = contentOf(bytes);
      expect(await store.direct!.received(content)).toBe(false);
      expect(await put(await store.direct!.signPut(content, lifeMs), () => Readable.from([bytes]))).toBe(200);
      expect(await store.direct!.received(content)).toBe(true);
      expect((await buffer(await store.open(content.digest))).equals(bytes)).toBe(true);
      const answer = await sender.send({ method: 'GET', ...(await store.direct!.signGet(content.digest, lifeMs)) });
      expect(answer.statusCode).toBe(200);
      expect((await buffer(answer)).equals(bytes)).toBe(true);
    });

    it('refuse other bytes of the same length, and more or fewer of them', async () => {
      const bytes = randomBytes(1000);
      const content = contentOf(bytes);
      const request = await store.direct!.signPut(content, lifeMs);
      expect(refusals).toContain(await put(request, randomBytes(1000)));
      const more = { ...request, headers: { ...request.headers, 'content-length': '1001' } };
      expect(refusals).toContain(await put(more, randomBytes(1001)));
      const fewer = { ...request, headers: { ...request.headers, 'content-length': '999' } };
      expect(refusals).toContain(await put(fewer, bytes.subarray(0, 999)));
      expect(await store.size(content.digest)).toBeUndefined();
      expect(await store.direct!.received(content)).toBe(false);
    });

    it('refuse each header that is left out', async () => {
      const bytes = randomBytes(1000);
      const content = contentOf(bytes);
      const request = await store.direct!.signPut(content, lifeMs);
      for (const header of Object.keys(request.headers)) {
        const chunked = header === 'content-length' ? { 'transfer-encoding': 'chunked' } : {};
        const { url, headers } = without(request, header);
        expect(refusals, header).toContain(
          await put({ url, headers: { ...headers, ...chunked } }, () => Readable.from([bytes])),
        );
      }
      expect(await store.size(content.digest)).toBeUndefined();
    });

    it('refuse another digest, another method and a changed hold', async () => {
      const bytes = randomBytes(100);
      const other = randomBytes(100);
      const content = contentOf(bytes);
      const request = await store.direct!.signPut(content, lifeMs);
      const url = request.url.replace(content.digest, digestOf(other));
      expect(refusals).toContain(await put({ ...request, url }, other));
      for (const method of ['POST', 'DELETE', 'PATCH']) expect(refusals).toContain(await put(request, bytes, method));
      const hold = newId();
      const changed = JSON.parse(JSON.stringify(request).replaceAll(content.hold, hold)) as SignedRequest;
      expect(refusals).toContain(await put(changed, bytes));
      expect(await store.direct!.received({ ...content, hold })).toBe(false);
    });

    it('are refused when their time is over', async () => {
      const bytes = randomBytes(100);
      const content = contentOf(bytes);
      const request = await store.direct!.signPut(content, 1000);
      await new Promise((resolve) => setTimeout(resolve, 2500));
      expect(refusals).toContain(await put(request, bytes));
      expect(await store.size(content.digest)).toBeUndefined();
    });

    it('store equal bytes again without harm, and each hold shows that it had them', async () => {
      const bytes = randomBytes(5000);
      const [first, second] = [contentOf(bytes), contentOf(bytes)];
      expect(await put(await store.direct!.signPut(first, lifeMs), bytes)).toBe(200);
      expect([200, 412]).toContain(await put(await store.direct!.signPut(first, lifeMs), bytes));
      const again = await put(await store.direct!.signPut(second, lifeMs), bytes);
      expect([200, 412]).toContain(again);
      if (again === 412) {
        expect(await store.direct!.received(second)).toBe(false);
        expect(await put(await store.direct!.signProof(second, lifeMs), bytes)).toBe(200);
      }
      expect(await store.direct!.received(second)).toBe(true);
      await store.direct!.forgetProofs([second.hold]);
      expect(await store.direct!.received(first)).toBe(true);
      expect((await buffer(await store.open(first.digest))).equals(bytes)).toBe(true);
    });

    it('do not show that bytes were had by someone who names their digest and sends others', async () => {
      const bytes = randomBytes(5000);
      expect(await put(await store.direct!.signPut(contentOf(bytes), lifeMs), bytes)).toBe(200);
      const thief = contentOf(bytes);
      for (const sign of ['signPut', 'signProof'] as const) {
        const status = await put(await store.direct![sign](thief, lifeMs), randomBytes(5000));
        expect(refusals).toContain(status);
      }
      expect(await store.direct!.received(thief)).toBe(false);
      expect((await buffer(await store.open(thief.digest))).equals(bytes)).toBe(true);
    });

    it('do not read what another digest names', async () => {
      const bytes = randomBytes(100);
      const secret = randomBytes(100);
      for (const each of [bytes, secret]) {
        const received = await store.receive(each, 100);
        await received.keep();
        await received.discard();
      }
      const { url, headers } = await store.direct!.signGet(digestOf(bytes), lifeMs);
      const changed = url.replace(digestOf(bytes), digestOf(secret));
      const answer = await sender.send({ method: 'GET', url: changed, headers });
      expect(refusals).toContain(answer.statusCode);
      expect(await textOf(answer)).not.toContain(secret.toString('latin1'));
      expect(refusals).toContain(await put({ url, headers }, bytes));
    });

    it.each(['', '../x', `${'a'.repeat(63)}/`, '../../../../etc/passwd'])(
      'are not made for %j, which is no digest',
      async (digest) => {
        await expect(
          (async () => {
            const { url } = await store.direct!.signGet(digest, lifeMs);
            const answer = await sender.send({ method: 'GET', url });
            await textOf(answer);
            if (answer.statusCode !== 200) throw new Error(`refused: ${answer.statusCode}`);
          })(),
        ).rejects.toThrow();
      },
    );
  });
}
