import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type NativeClient, nativeClient } from '../support/native.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { attacking } from './attack.ts';

let server: TestServer;
let api: NativeClient;
beforeAll(async () => {
  server = await startServer({ env: { DRAGOMAN_RATE_LIMITS: 'off' } });
  api = nativeClient(server);
});
afterAll(() => server?.stop());

/** Runs a hostile cell, asks its kernel a question, then the same session for a sum. Returns what the question was answered with. */
async function attack(language: string, hostile: string, code: string) {
  const session = await api.session();
  const run = (code: string) =>
    api.json<{ results: Record<string, string>[] }>('POST', `/sessions/${session}/executions`, { language, code });
  await run(hostile);
  const answer = await api.send('POST', `/sessions/${session}/complete`, { language, code });
  const said = (await answer.json()) as { matches?: string[]; start?: number; end?: number; error?: string };
  expect([200, 429]).toContain(answer.status);
  if (answer.status === 200) {
    expect(said.matches!.length).toBeLessThanOrEqual(500);
    expect(said.start).toBeLessThanOrEqual(said.end!);
    expect(said.end).toBeLessThanOrEqual([...code].length);
  }
  expect((await run('6 * 7')).results[0]!['text/plain']).toBe('42');
  return said;
}

const python = `
import os, json, struct, time
pipes = [fd for fd in range(225, 260) if os.path.exists(f'/proc/self/fd/{fd}')]
def say(**fields):
    frame = json.dumps({'event': 'result', **fields}).encode()
    for fd in pipes:
        try: os.write(fd, struct.pack('>I', len(frame)) + frame)
        except OSError: pass
def answer(**said): say(bundle={'application/vnd.dragoman.answer+json': said})
class Match:
    def __init__(self, start, end, text): self.start, self.end, self.text = start, end, text
def when_asked(do): get_ipython().Completer.completions = lambda code, cursor: do()
`;

describe('a kernel that is asked a question and', attacking('kernels'), () => {
  it.each([
    ['ends itself', 'when_asked(lambda: os._exit(9))'],
    ['never answers', 'when_asked(lambda: time.sleep(60))'],
    [
      'never answers, and heeds no interrupt',
      'import signal\nwhen_asked(lambda: signal.pthread_sigmask(0, range(1, 32)) and time.sleep(60))',
    ],
    ['knows very many names', 'when_asked(lambda: (Match(0, 1, f"x{i}") for i in range(10 ** 7)))'],
    ['knows very long names', 'when_asked(lambda: [Match(0, 1, "x" * 10 ** 7)])'],
    ['names places that are not there', 'when_asked(lambda: [Match(-5, 10 ** 9, "x")])'],
    ['forges an answer with very many names', 'when_asked(lambda: answer(matches=["x"] * 10000, start=0, end=1))'],
    ['forges an answer that is none', 'when_asked(lambda: answer(matches="x", start=[], end={}))'],
    ['prints without end', 'when_asked(lambda: [print("x" * 10 ** 6) for _ in range(10 ** 6)])'],
  ])('%s is answered for, and the session goes on', async (_, code) => {
    await attack('python', python + code, 'x');
  });

  it.each([
    ['has members that loop', 'const p = new Proxy({}, { ownKeys() { for (;;); }, get() { for (;;); } }); 0', 'p.x'],
    ['has getters that loop', 'const o = { get g() { for (;;); } }; 0', 'o.g.x'],
    [
      'has broken what it is made with',
      'Array.from = RegExp.prototype.exec = Object.getOwnPropertyNames = null; 0',
      'a.b',
    ],
  ])('in JavaScript %s is answered for, and the session goes on', async (_, code, asked) => {
    await attack('javascript', code, asked);
  });

  it('in Bash runs nothing of the code it is asked about', async () => {
    const session = await api.session();
    for (const code of [
      '$(touch /mnt/data/made) lett',
      '`touch made` x',
      'a; touch made; b',
      '-- "$(touch made)" /mnt/da',
    ])
      await api.json('POST', `/sessions/${session}/complete`, { language: 'bash', code });
    const { data } = await api.json<{ data: unknown[] }>('GET', `/sessions/${session}/files`);
    const listed = await api.json<{ stdout: string }>('POST', `/sessions/${session}/executions`, {
      language: 'bash',
      code: 'ls',
    });
    expect([data, listed.stdout]).toEqual([[], '']);
  });
});
