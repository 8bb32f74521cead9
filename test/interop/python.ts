/**
 * Checks the Python examples with the real packages, straight and with LiteLLM in between. `npm run check:python` runs it; it needs
 * a Python with venv and a package index, so it is no part of `npm test`.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { model, startOpenAi } from '../support/openai.ts';

const packages = ['openai==2.54.0', 'litellm[proxy]==1.106.2'];
const examples = fileURLToPath(new URL('../../examples/', import.meta.url));
const startMs = 120_000;

const folder = mkdtempSync(join(tmpdir(), 'dragoman-python-'));
const home = process.argv[2] ?? join(folder, 'venv');
const service = await startOpenAi();
const started: { kill(): void }[] = [];
async function checkDirect(): Promise<void> {
  const code =
    'import pandas as pd\nn = pd.read_csv("/mnt/data/cities.csv").people.sum()\nprint(n)\nopen("/mnt/data/sum.txt", "w").write(str(n))';
  service.upstream.say([{ python: code }], [{ text: 'It is in [sum.txt](sandbox:/mnt/data/sum.txt).' }]);
  const said = await run(join(home, 'bin/python'), [join(examples, 'openai-python.py')], {
    URL: service.baseURL,
    KEY: service.server.key,
    MODEL: model,
  });
  expect(said, '1009650');
  expect(said, 'saved sum.txt');
  expect(readFileSync(join(folder, 'sum.txt'), 'utf8'), '1009650');
}

/** What goes through LiteLLM: responses, whole and streamed, going on from one, and the container and files they name. */
const throughLiteLlm = `
import os
from openai import OpenAI
client = OpenAI(base_url=os.environ["URL"], api_key=os.environ["KEY"], max_retries=0)
tools = [{"type": "code_interpreter", "container": {"type": "auto"}}]
ask = dict(model=os.environ["MODEL"], tools=tools, include=["code_interpreter_call.outputs"])
first = client.responses.create(input="Go", **ask)
call = [item for item in first.output if item.type == "code_interpreter_call"][0]
print("logs", call.outputs[0].logs)
container = client.containers.retrieve(call.container_id)
print("container", container.status)
for item in first.output:
    for part in item.content if item.type == "message" else []:
        for file in part.annotations:
            content = client.containers.files.content.retrieve(file.file_id, container_id=file.container_id)
            print("file", file.filename, content.read().decode())
with client.responses.stream(input="On", previous_response_id=first.id, **ask) as stream:
    for event in stream:
        pass
    print("streamed", stream.get_final_response().output_text)
`;

async function checkLiteLlm(): Promise<void> {
  const port = await freePort();
  const masterKey = `sk-${randomBytes(24).toString('hex')}`;
  const config = join(folder, 'litellm.yaml');
  writeFileSync(
    config,
    readFileSync(join(examples, 'litellm.yaml'), 'utf8').replace('http://127.0.0.1:8080/v1', service.baseURL),
  );
  const proxy = spawn(
    join(home, 'bin/litellm'),
    ['--config', config, '--port', String(port), '--host', '127.0.0.1', '--telemetry', 'False'],
    {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      // Nothing is fetched from outside, and nothing reported.
      env: {
        ...environment({ KEY: service.server.key }),
        LITELLM_MASTER_KEY: masterKey,
        LITELLM_LOCAL_MODEL_COST_MAP: 'True',
        DISABLE_ADMIN_UI: 'True',
      },
    },
  );
  started.push(proxy);
  const said = Promise.all([text(proxy.stdout), text(proxy.stderr)]);
  const base = `http://127.0.0.1:${port}`;
  const deadline = Date.now() + startMs;
  while (
    !(await fetch(`${base}/health/liveliness`).then(
      ({ ok }) => ok,
      () => false,
    ))
  ) {
    if (proxy.exitCode !== null || Date.now() > deadline)
      throw new Error(`LiteLLM did not start: ${(await said).join('')}`);
    await sleep(500);
  }
  service.upstream.say(
    [{ python: 'x = 41\nprint(6 * 7)\nopen("a.txt", "w").write("made")' }],
    [{ text: '[a](sandbox:/mnt/data/a.txt)' }],
  );
  service.upstream.say([{ python: 'print(x + 1)' }], [{ text: ['It is ', '42.'] }]);
  const answers = await run(join(home, 'bin/python'), ['-c', throughLiteLlm], {
    URL: `${base}/v1`,
    KEY: masterKey,
    MODEL: `dragoman/${model}`,
  });
  for (const part of ['logs 42', 'container running', 'file a.txt made', 'streamed It is 42.']) expect(answers, part);
}

function expect(said: string, part: string): void {
  if (!said.includes(part)) throw new Error(`expected ${JSON.stringify(part)} in:\n${said}`);
}

function environment(more: Record<string, string>): Record<string, string> {
  return { PATH: process.env.PATH!, HOME: process.env.HOME!, ...more };
}

async function run(program: string, args: string[], env: Record<string, string> = {}): Promise<string> {
  const child = spawn(program, args, { cwd: folder, env: environment(env), stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${err}\n${out}`);
  return out;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

try {
  if (!existsSync(home)) {
    await run('python3', ['-m', 'venv', home]);
    await run(join(home, 'bin/pip'), ['install', '--quiet', ...packages]);
  }
  await checkDirect();
  await checkLiteLlm();
  console.log('openai-python and LiteLLM work.');
} finally {
  for (const child of started) child.kill();
  await service.stop();
  rmSync(folder, { recursive: true, force: true });
}
