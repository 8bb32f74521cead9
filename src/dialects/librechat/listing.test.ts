import { describe, expect, test } from 'vitest';
import { newId } from '../../core/index.ts';
import { listElement, objectInfo } from './listing.ts';

const file = {
  id: newId(),
  sessionId: newId(),
  name: 'a/ü b.csv',
  size: 12,
  digest: 'e1',
  contentType: 'text/csv',
  readOnly: true,
  source: 'user' as const,
  createdAt: Date.UTC(2026, 0, 2, 3, 4, 5),
};
const objectName = `${file.sessionId}/${file.id}.csv`;
const common = {
  id: file.id,
  fileId: file.id,
  session_id: file.sessionId,
  storage_session_id: file.sessionId,
  size: 12,
  lastModified: '2026-01-02T03:04:05.000Z',
  etag: 'e1',
};

describe('listElement', () => {
  test.each([undefined, null, '', 'simple', 'other'])('is the object name for detail %s', (detail) => {
    expect(listElement(file, detail)).toBe(objectName);
  });

  test('summary, full and normalized', () => {
    expect(listElement(file, 'summary')).toEqual({ name: objectName, ...common });
    expect(listElement(file, 'full')).toEqual({
      name: objectName,
      ...common,
      metadata: { 'original-filename': 'a/ü b.csv', 'content-type': 'text/csv' },
      contentType: 'text/csv',
      versionId: null,
    });
    expect(listElement(file, 'normalized')).toEqual({
      ...common,
      name: 'a/ü b.csv',
      contentType: 'text/csv',
      read_only: true,
    });
  });

  test.each([
    ['Makefile', ''],
    ['.env', ''],
    ['x.tar.gz', '.gz'],
    ['x.we ird', ''],
    ['x.', ''],
  ])('%s ends in "%s"', (name, ending) => {
    expect(listElement({ ...file, name }, 'simple')).toBe(`${file.sessionId}/${file.id}${ending}`);
  });
});

test('objectInfo says what a liveness probe reads', () => {
  expect(objectInfo(file)).toEqual({
    ...common,
    name: objectName,
    originalFilename: 'a/ü b.csv',
    contentType: 'text/csv',
    readOnly: true,
  });
});
