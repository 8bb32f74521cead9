import { expect, test } from 'vitest';
import { fitted } from './fit.ts';
import { Outgoing } from './wire.ts';

const maxBytes = 1024 * 1024 - 4096;
const about = { session: 's', parent: { msg_id: '1' } };

test('forms that a client does not show are left out first, and named', () => {
  const kept: string[] = [];
  const data = {
    'text/plain': 'fig',
    'image/png': 'i'.repeat(400_000),
    'text/html': '"'.repeat(400_000),
    'application/pdf': 'p'.repeat(300_000),
  };
  const large = new Outgoing('iopub', 'display_data', { data, metadata: {} }, about);
  const small = fitted(large, maxBytes, (type) => {
    kept.push(type);
    return 'it is in a file';
  });
  expect(Buffer.byteLength(small.text())).toBeLessThanOrEqual(maxBytes);
  expect(kept).toEqual(['text/html']);
  const { data: left } = small.content as { data: Record<string, string> };
  expect(Object.keys(left).sort()).toEqual(['application/pdf', 'image/png', 'text/plain']);
  expect(left['text/plain']).toMatch(/^fig\n\[text\/html of 0\.8 MiB .*: it is in a file\]$/);
  expect(JSON.parse(small.text()).parent_header).toEqual({ msg_id: '1' });
});

test('a message without forms becomes a sentence', () => {
  const large = new Outgoing('iopub', 'execute_input', { code: 'x'.repeat(2_000_000) }, about);
  const small = fitted(large, maxBytes, () => '');
  expect(small.content).toMatchObject({
    name: 'stderr',
    text: expect.stringContaining('larger than this client takes'),
  });
});
