import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { bytesOfBase64, bytesOfText } from './base64.ts';

async function whole(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const list: Uint8Array[] = [];
  for await (const piece of pieces) list.push(piece);
  return Buffer.concat(list);
}

test('base64 of any length and with line breaks is read', async () => {
  for (const length of [0, 1, 2, 3, 49_151, 49_152, 200_001]) {
    const bytes = randomBytes(length);
    expect(await whole(bytesOfBase64(bytes.toString('base64')))).toEqual(bytes);
    expect(await whole(bytesOfBase64(bytes.toString('base64').replace(/.{76}/g, '$&\r\n')))).toEqual(bytes);
    expect(await whole(bytesOfBase64(bytes.toString('base64url')))).toEqual(bytes);
  }
});

test('what is no base64 is refused', async () => {
  for (const wrong of ['%', 'AAAA=AAAA', 'ü', `${'A'.repeat(70_000)}!`, `${'A'.repeat(60_000)}==${'A'.repeat(60_000)}`])
    await expect(whole(bytesOfBase64(wrong))).rejects.toThrow('base64: is not base64');
});

test('text of any length is read', async () => {
  for (const text of ['', 'grün', `${'x'.repeat(65_535)}😀${'y'.repeat(70_000)}`])
    expect((await whole(bytesOfText(text))).toString()).toBe(text);
});
