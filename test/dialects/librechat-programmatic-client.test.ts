import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LibreChatClient } from '../support/librechat.ts';
import { type AgentTool, type ProgramCall, runProgram } from '../support/librechat-agents.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let ann: LibreChatClient;
beforeAll(async () => {
  server = await startServer({ env: { DRAGOMAN_LOG_LEVEL: 'debug' } });
  ann = new LibreChatClient(`${server.url}/v1`, server.key);
});
afterAll(() => server.stop());

const options = () => ({ baseUrl: `${server.url}/v1`, authHeaders: { 'x-api-key': server.key } });
const weather: AgentTool = {
  name: 'get-weather',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  run: ({ city }) => {
    if (city === 'Atlantis') throw new Error('no such city');
    return { city, celsius: String(city).length };
  },
};
const page: AgentTool = {
  name: 'fetch.page',
  parameters: { type: 'object', properties: { bytes: { type: 'integer' } }, required: ['bytes'] },
  run: ({ bytes }) => 'x'.repeat(bytes as number),
};
const slow: AgentTool = {
  name: 'slow',
  run: () => new Promise((resolve) => setTimeout(() => resolve('slept'), 2500)),
};

describe.each([['python'], ['bash']] as const)('the %s client', (lang) => {
  const run = (python: string, bash: string, more: Partial<ProgramCall> = {}) =>
    runProgram(lang, options(), { tools: [weather, page, slow], code: lang === 'python' ? python : bash, ...more });

  test('runs one call', async () => {
    const { content } = await run(
      'print((await get_weather(city="Oslo"))["celsius"])',
      `get_weather '{"city":"Oslo"}' | jq .celsius`,
    );
    expect(content).toContain('stdout:\n4');
  });

  test('runs 50 calls at once, and prints everything once', async () => {
    const { content } = await run(
      'print("begin")\nr = await asyncio.gather(*[get_weather(city="x" * n) for n in range(1, 51)])\nprint(sum(c["celsius"] for c in r))',
      `echo begin; for n in $(seq 50); do { r=$(get_weather "{\\"city\\":\\"$(printf 'x%.0s' $(seq $n))\\"}"); echo "$r" > "/tmp/$n"; } & done
wait; cat /tmp/[0-9]* | jq -s 'map(.celsius) | add'`,
    );
    expect(content).toContain('stdout:\nbegin\n1275');
  });

  test('runs 50 calls in rounds, as many as the client goes along with', async () => {
    const { content } = await run(
      'n = 0\nfor turn in range(20):\n    n += len(await asyncio.gather(*[get_weather(city="a") for _ in range(3 if turn < 10 else 2)]))\nprint(n)',
      `n=0; for turn in $(seq 20); do for k in $(seq $((turn <= 10 ? 3 : 2))); do get_weather '{"city":"a"}' > /dev/null & n=$((n + 1)); done; wait; done; echo "$n"`,
    );
    expect(content).toContain('stdout:\n50');
  });

  test('reports an uncaught error, with what was printed', async () => {
    await expect(
      run(
        'print("before")\nawait get_weather(city="Atlantis")\nprint("after")',
        `echo before; x=$(get_weather '{"city":"Atlantis"}'); echo after`,
      ),
    ).rejects.toThrow(
      expect.objectContaining({
        message: expect.stringMatching(/exited with code (?:1|143)\b[\s\S]*no such city/),
      }),
    );
  });

  test('carries large results in, and files in and out', async () => {
    const ref = await ann.attach('in/data.txt', 'seven77');
    const { content, artifact } = await run(
      'text = await fetch_page(bytes=2_000_000)\nopen("out.txt", "w").write(f"{len(text)} {open(\'in/data.txt\').read()}")\nprint("written")',
      `text=$(fetch_page '{"bytes":2000000}'); echo "$((\${#text} - 2)) $(cat in/data.txt)" > out.txt; echo written`,
      { files: [ref], tools: [weather, { ...page, name: lang === 'python' ? 'fetch-page' : 'fetch.page' }] },
    );
    expect(content).toContain('written');
    const made = artifact!.files!.find(({ name }) => name === 'out.txt')!;
    const { bytes } = await ann.download(artifact!.session_id, made.id);
    expect(bytes.toString().trim()).toBe('2000000 seven77');
    expect(artifact!.files).toContainEqual(expect.objectContaining({ name: 'in/data.txt', inherited: true }));
  });

  test('is not charged for its own time, but for the program’s', async () => {
    const endless = run('await slow()\nwhile True: pass', 'slow; while :; do :; done', { timeout: 1000 });
    const [{ content }] = await Promise.all([
      run('print(await slow())', 'slow', { timeout: 1000 }),
      expect(endless).rejects.toThrow('Time limit exceeded'),
    ]);
    expect(content).toContain('slept');
  });

  test('ends the program when it is aborted', async () => {
    const before = server.output().length;
    const abort = new AbortController();
    const running = run('import time\ntime.sleep(60)\nawait slow()', 'sleep 60; slow', { signal: abort.signal });
    setTimeout(() => abort.abort(), 500);
    await expect(running).rejects.toThrow();
    await expect.poll(() => server.output().slice(before)).toContain('/exec/programmatic/cancel');
  });
});

test('python catches a tool’s error', async () => {
  const code = `
try:
    await get_weather(city="Atlantis")
except ToolExecutionError as error:
    print("caught", error)
found = await asyncio.gather(get_weather(city="Atlantis"), get_weather(city="Rome"), return_exceptions=True)
print([str(x) if isinstance(x, Exception) else x["city"] for x in found])`;
  const { content } = await runProgram('python', options(), { tools: [weather], code });
  expect(content).toContain("caught no such city\n['no such city', 'Rome']");
});
