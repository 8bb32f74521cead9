import { describe, expect, it } from 'vitest';
import { newId } from '../../core/index.ts';
import { ann, bob, message, storedRoom } from '../fixtures/room.ts';

const texts = (items: readonly object[]) => items.map((item) => JSON.stringify(item).match(/"text":"(.*?)"/)?.[1]);

describe('a conversation', () => {
  it('reads one page for one page', async () => {
    const { conversations, counted } = storedRoom();
    const words = Array.from({ length: 200 }, (_, n) => `word ${n}`);
    const { id } = await conversations.create(ann, {}, words.map(message));
    const first = await conversations.page(ann, id, { limit: 2, order: 'asc' });
    expect([texts(first.items), first.more]).toEqual([['word 0', 'word 1'], true]);
    expect(counted.read).toBe(3);
    const next = await conversations.page(ann, id, { limit: 2, order: 'asc', after: first.items[1]!.id });
    expect(texts(next.items)).toEqual(['word 2', 'word 3']);
    const last = await conversations.page(ann, id, { limit: 1, order: 'desc' });
    expect(texts(last.items)).toEqual(['word 199']);
    expect(counted.read).toBe(3 + 3 + 2);
    expect(texts(await conversations.read(ann, id))).toEqual(words);
  });

  it('is bounded in bytes and in items, and has room again when items go', async () => {
    const { conversations } = storedRoom();
    const { id } = await conversations.create(ann, {}, []);
    const large = 'x'.repeat(9 * 1024 * 1024);
    const added = [];
    for (let n = 0; n < 3; n++) added.push(...(await conversations.add(ann, id, [message(large)])));
    const full = { code: 'invalid_request', reason: 'conversation_full', message: expect.stringContaining('32 MiB') };
    await expect(conversations.add(ann, id, [message(large)])).rejects.toMatchObject(full);
    await expect(conversations.create(ann, {}, Array(4).fill(message(large)))).rejects.toMatchObject(full);
    await conversations.removeItem(ann, id, added[0]!.id);
    await conversations.add(ann, id, [message(large)]);
    await expect(conversations.add(ann, id, Array(10_000).fill(message('')))).rejects.toMatchObject({
      message: expect.stringContaining('10000 items'),
    });
  });

  it('counts items that are added at once', async () => {
    const { conversations } = storedRoom();
    const { id } = await conversations.create(ann, {}, []);
    const large = 'x'.repeat(5 * 1024 * 1024);
    const all = await Promise.allSettled(
      Array.from({ length: 10 }, () => conversations.add(ann, id, [message(large)])),
    );
    expect(all.filter(({ status }) => status === 'fulfilled').length).toBe(6);
  });

  it('stays with everything in it while it is used, and is gone for others and when it is removed', async () => {
    const { conversations, clock, documents } = storedRoom(1000);
    const { id } = await conversations.create(ann, {}, ['a', 'b'].map(message));
    for (let n = 0; n < 5; n++) {
      clock.now += 600;
      expect((await conversations.page(ann, id, { limit: 1, order: 'asc' })).items.length).toBe(1);
      await documents.deleteExpired(clock.now);
    }
    expect(texts(await conversations.read(ann, id))).toEqual(['a', 'b']);
    await expect(conversations.read(bob, id)).rejects.toMatchObject({ reason: 'conversation_not_found' });
    await conversations.delete(ann, id);
    await expect(conversations.get(ann, id)).rejects.toMatchObject({ reason: 'conversation_not_found' });
    expect(await documents.deleteExpired(clock.now + 1e6)).toBe(0);
  });

  it('keeps the items that version 0.1 stored together', async () => {
    const { conversations, owned } = storedRoom();
    const id = newId();
    await owned.put(ann, { kind: 'openai_conversation', id, body: { metadata: { a: 'b' } } });
    for (const text of ['one', 'two']) {
      const batch = newId();
      const content = [{ type: 'input_text', text }];
      const items = [{ id: `msg_${batch}i0`, type: 'message', role: 'user', status: 'completed', content }];
      await owned.put(ann, { kind: 'openai_conversation_items', id: batch, name: id, body: items });
    }
    expect(texts(await conversations.read(ann, id))).toEqual(['one', 'two']);
    await conversations.add(ann, id, [message('three')]);
    expect(texts(await conversations.read(ann, id))).toEqual(['one', 'two', 'three']);
    expect((await conversations.get(ann, id)).metadata).toEqual({ a: 'b' });
  });
});
