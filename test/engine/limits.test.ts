import { afterAll, beforeAll, expect, it } from 'vitest';
import { exec } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

it.each([
  ['time', 'while True: pass', 1000, 'TO'],
  ['memory', 'x = []\nwhile True: x.append(b"x" * 10_000_000)', 15_000, 'SG'],
  ['output', 'while True: print("x" * 10_000)', 15_000, 'OL'],
])('what was printed and written before a limit is kept: %s', async (_, end, timeout, status) => {
  const code = `open("result.txt", "w").write("half")\nprint("begun")\n${end}`;
  const answer = await exec(server, { lang: 'py', code, timeout });
  expect(answer).toMatchObject({ httpStatus: 200, status, files: [{ name: 'result.txt' }] });
  expect(answer.stdout).toMatch(/^begun\n/);
});
