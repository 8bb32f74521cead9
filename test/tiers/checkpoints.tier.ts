import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, onTestFinished } from 'vitest';
import { loadConfig } from '../../src/config/index.ts';
import { startEngine } from '../support/engine.ts';
import { nativeClient } from '../support/native.ts';
import { startServer } from '../support/server.ts';
import { ann, startSessions } from '../support/sessions.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'dragoman-checkpoints-'));
// Its own, to be looked at.
mkdirSync(join(dataDir, 'tiers'));
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

it('a session goes on after the service has ended in order and started again', async () => {
  const first = await startServer({ dataDir });
  let api = nativeClient(first);
  const id = await api.session();
  await api.cell(id, 'generator = iter(range(100)); next(generator); import os; pid = os.getpid()');
  await api.cell(id, 'let counter = (() => { let count = 41; return () => ++count; })();', { language: 'javascript' });
  await first.stop();

  const second = await startServer({ dataDir });
  try {
    api = nativeClient({ url: second.url, key: first.key });
    const { state, results, restored } = (await api.cell(id, '(next(generator), os.getpid() == pid)')) as never as {
      state: string;
      results: unknown;
      restored: unknown;
    };
    expect({ state, restored }).toMatchObject({ state: 'continued', restored: { kernel: '*', reason: null } });
    expect(JSON.stringify(results)).toContain('(1, True)');
    const script = await api.cell(id, 'counter()', { language: 'javascript' });
    expect(script.state).toBe('continued');
    expect(JSON.stringify(script.results)).toContain('42');
    const saved = readdirSync(dataDir, { recursive: true, encoding: 'utf8' }).filter((path) =>
      /saved\/[^/]+\/./.test(path),
    );
    expect(saved).toEqual([]);
  } finally {
    await second.stop();
  }
});

it('a checkpoint of another version is a loss with its reason, or what was saved beside it comes back', async () => {
  const isolation = loadConfig().isolation.backend;
  const engine = await startEngine({ isolation, poolSize: 0 });
  onTestFinished(() => engine.close());
  const sessions = await startSessions(engine);
  const { id } = await sessions.sessions.create(ann, {});
  await sessions.run(id, 'x = 1');
  await sessions.states.save(ann, id);
  sessions.now += 30 * 60_000;
  await sessions.sweep();
  const { checkpoints } = engine.backend;
  const usual = checkpoints!.versionOf;
  Object.assign(checkpoints!, { versionOf: async (template: string) => `${await usual(template)} of tomorrow` });
  const { continuity, restored, result } = await sessions.run(id, '"x" in globals()');
  const value = result.outputs.at(-1)?.bundle['text/plain'];
  expect({ continuity, restored, value }).toMatchObject(
    isolation === 'microvm'
      ? { continuity: 'restored', restored: { kernel: 'python', loss: null }, value: 'True' }
      : { continuity: 'restored', restored: { kernel: '*', loss: { reason: 'changed' } }, value: 'False' },
  );
});
