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
import { checkAnthropic } from './anthropic.ts';
import { checkJupyter, jupyterPackages, openWebui } from './jupyter.ts';
import { checkSandboxes, sandboxPackages } from './sandboxes.ts';

const packages = ['openai==2.54.0', 'litellm[proxy]==1.106.2', 'anthropic==2.14.0'];
/** In an environment of its own: LiteLLM brings an older one along. */
const mcpPackages = ['mcp==2.3.0'];
const examples = fileURLToPath(new URL('../../examples/', import.meta.url));
const startMs = 120_000;

const folder = mkdtempSync(join(tmpdir(), 'dragoman-python-'));
const home = process.argv[2] ?? join(folder, 'venv');
const mcpHome = `${home}-mcp`;
const jupyterHome = `${home}-jupyter`;
const webui = join(jupyterHome, 'webui');
const sandboxHome = `${home}-sandboxes`;
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

/** What openai-python does beside the example: streams, goes on, waits for the background, converses, chats, and fails properly. */
const straight = `
import os, time, openai
client = openai.OpenAI(base_url=os.environ["URL"], api_key=os.environ["KEY"], max_retries=0)
tools = [{"type": "code_interpreter", "container": {"type": "auto"}}]
ask = dict(model=os.environ["MODEL"], tools=tools, include=["code_interpreter_call.outputs"])
with client.responses.stream(input="Go", **ask) as stream:
    kinds = [event.type for event in stream]
    first = stream.get_final_response()
print("streamed", first.output_text, "response.code_interpreter_call.interpreting" in kinds, kinds[-1])
second = client.responses.create(input="On", previous_response_id=first.id, **ask)
print("went on", second.output[0].outputs[0].logs)
job = client.responses.create(input="Later", background=True, **ask)
while (job := client.responses.retrieve(job.id)).status in ("queued", "in_progress"):
    time.sleep(0.05)
print("background", job.status, [item.type for item in client.responses.input_items.list(job.id)])
conversation = client.conversations.create(items=[{"type": "message", "role": "user", "content": "Be brief."}])
client.responses.create(input="Go", conversation=conversation.id, **ask)
print("conversation", len(list(client.conversations.items.list(conversation.id, order="asc"))))
chat = client.chat.completions.create(model=os.environ["MODEL"], messages=[{"role": "user", "content": "Go"}], tools=[{"type": "code_interpreter"}])
print("chat", chat.choices[0].message.content, chat.choices[0].message.code_interpreter_calls[0]["stdout"])
stored = client.files.create(file=("named.txt", b"named"), purpose="user_data")
container = client.containers.create(name="python", file_ids=[stored.id])
copied = client.containers.files.create(container.id, file_id=stored.id)
uploaded = client.containers.files.create(container.id, file=("given.txt", b"given"))
print("container", copied.bytes, uploaded.path, len(list(client.containers.files.list(container.id, limit=1))))
compacted = client.responses.compact(model=os.environ["MODEL"], previous_response_id=second.id)
print("compacted", [item.type for item in compacted.output])
try:
    client.responses.create(input="x", temperature="hot", **ask)
except openai.BadRequestError as error:
    print("error", error.code, error.param)
try:
    client.responses.create(input="x", previous_response_id="resp_none", **ask)
except openai.BadRequestError as error:
    print("error", error.code, error.param)
try:
    client.containers.retrieve("cntr_none")
except openai.NotFoundError as error:
    print("error", error.body["message"])
print("models", [model.id for model in client.models.list()])
`;

async function checkStraight(): Promise<void> {
  service.upstream.say([{ python: 'x = 41\nprint("kept")' }], [{ text: ['It is ', 'kept.'] }]);
  service.upstream.say([{ python: 'print(x + 1)' }], [{ text: 'It is 42.' }]);
  service.upstream.say([{ python: 'print(1)' }], [{ text: 'Done.' }]);
  service.upstream.say([{ python: 'print(2)' }], [{ text: 'Said.' }]);
  service.upstream.say([{ python: 'print(3)' }], [{ text: 'Chatted.' }]);
  service.upstream.say([{ text: 'x is 41.' }]);
  const said = await run(join(home, 'bin/python'), ['-c', straight], {
    URL: service.baseURL,
    KEY: service.server.key,
    MODEL: model,
  });
  for (const part of [
    'streamed It is kept. True response.completed',
    'went on 42',
    "background completed ['message']",
    'conversation 4',
    'chat Chatted. 3',
    'container 5 /mnt/data/given.txt 3',
    "compacted ['message', 'message', 'compaction']",
    'error invalid_type temperature',
    'error previous_response_not_found previous_response_id',
    "error Container with id 'cntr_none' not found.",
    `models ['${model}']`,
  ])
    expect(said, part);
}

/** What goes through LiteLLM: responses, whole, streamed and deleted, going on from one; containers, also named in a request; files. */
const throughLiteLlm = `
import os, openai
client = openai.OpenAI(base_url=os.environ["URL"], api_key=os.environ["KEY"], max_retries=0)
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
    deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
    print("streamed", stream.get_final_response().output_text, deltas)
mine = client.containers.create(name="mine")
given = client.containers.files.create(mine.id, file=("given.txt", b"given"))
named = client.responses.create(input="Go", **{**ask, "tools": [{"type": "code_interpreter", "container": mine.id}]})
print("named", [item.outputs[0].logs for item in named.output if item.type == "code_interpreter_call"])
print("listed", sorted(file.path for file in client.containers.files.list(mine.id)))
client.containers.files.delete(given.id, container_id=mine.id)
client.containers.delete(mine.id)
client.responses.delete(first.id)
print("deleted", mine.id not in [container.id for container in client.containers.list()])
stored = client.files.create(file=("stored.txt", b"stored"), purpose="user_data")
print("stored", client.files.content(stored.id).read(), client.files.delete(stored.id).deleted)
messages = [{"role": "user", "content": "Go"}]
for tools in ([{"type": "code_interpreter"}], openai.omit):
    chat = client.chat.completions.create(model=os.environ["MODEL"], messages=messages, tools=tools, stream=True)
    print("chat", "".join(chunk.choices[0].delta.content or "" for chunk in chat if chunk.choices))
print("models", [model.id for model in client.models.list()])
`;

async function checkLiteLlm(): Promise<void> {
  const port = await freePort();
  const masterKey = `sk-${randomBytes(24).toString('hex')}`;
  const config = join(folder, 'litellm.yaml');
  writeFileSync(
    config,
    readFileSync(join(examples, 'litellm.yaml'), 'utf8').replaceAll('http://127.0.0.1:8080/v1', service.baseURL),
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
  service.upstream.say(
    [{ python: 'print(open("given.txt").read())\nopen("more.txt", "w").close()' }],
    [{ text: 'Done.' }],
  );
  service.upstream.say([{ python: 'print(3)' }], [{ text: ['Chat', 'ted.'] }], [{ text: ['Just ', 'said.'] }]);
  const gateway = await run(join(mcpHome, 'bin/python'), ['-c', mcpThroughLiteLlm], {
    MCP_URL: `${base}/mcp/`,
    KEY: masterKey,
  });
  expect(gateway, "gateway 8 ['text', 'image'] 42");
  const answers = await run(join(home, 'bin/python'), ['-c', throughLiteLlm], {
    URL: `${base}/v1`,
    KEY: masterKey,
    MODEL: 'openai/default',
  });
  for (const part of [
    'logs 42',
    'container running',
    'file a.txt made',
    "streamed It is 42. ['It is ', '42.']",
    "named ['given\\n']",
    "listed ['/mnt/data/given.txt', '/mnt/data/more.txt']",
    'deleted True',
    "stored b'stored' True",
    'chat Chatted.',
    'chat Just said.',
    "models ['openai/default']",
  ])
    expect(answers, part);
}

/** What the official client for Python does in both eras: progress, mistakes, files, a call that is given up. */
const mcpClient = `
import anyio, os, httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

async def use(mode):
    async with httpx2.AsyncClient(headers={"x-api-key": os.environ["KEY"]}, timeout=120) as http:
        async with Client(streamable_http_client(os.environ["MCP_URL"], http_client=http), mode=mode) as client:
            print(mode, client.protocol_version, client.server_info.name)
            seen = []
            async def progress(value, total, message):
                seen.append((value, message))
            steps = "import time\\nfor i in range(3):\\n    print('step', i, flush=True); time.sleep(0.7)"
            result = await client.call_tool("run_code", {"code": steps}, progress_callback=progress)
            print(mode, "progress", len(seen) > 1, seen[0][1], [block.type for block in result.content], result.is_error)
            session = result.meta["dragoman/run"]["session_id"]
            wrong = await client.call_tool("run_code", {})
            print(mode, "wrong", wrong.is_error, wrong.content[0].text)
            listed = await client.call_tool("list_files", {"session_id": session})
            print(mode, "listed", listed.structured_content["files"])
            try:
                await client.call_tool("nope", {})
            except Exception as error:
                print(mode, "unknown", type(error).__name__)
            with anyio.move_on_after(1):
                await client.call_tool("run_code", {"code": "import time; time.sleep(25)", "session_id": session})
            after = await client.call_tool("run_code", {"code": "print('free')", "session_id": session})
            print(mode, "after", after.content[0].text.splitlines()[0])

async def bridge(mode):
    env = {"DRAGOMAN_URL": os.environ["MCP_URL"][:-4], "DRAGOMAN_API_KEY": os.environ["KEY"], "PATH": os.environ["PATH"], "HOME": os.environ["HOME"]}
    command = StdioServerParameters(command=os.environ["NODE"], args=[os.environ["MAIN"], "mcp"], env=env)
    async with Client(command, mode=mode) as client:
        result = await client.call_tool("run_code", {"code": "print(6 * 7)"})
        print(mode, "bridged", client.protocol_version, result.content[0].text.splitlines()[0])

for mode in ("auto", "legacy"):
    anyio.run(use, mode)
    anyio.run(bridge, mode)
`;

/** What comes through LiteLLM's gateway for MCP, which gives tools its own names. */
const mcpThroughLiteLlm = `
import anyio, os, httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

async def use():
    headers = {"authorization": "Bearer " + os.environ["KEY"]}
    async with httpx2.AsyncClient(headers=headers, timeout=120) as http:
        async with Client(streamable_http_client(os.environ["MCP_URL"], http_client=http), mode="legacy") as client:
            tools = await client.list_tools()
            [name] = [tool.name for tool in tools.tools if tool.name.endswith("run_code")]
            figure = "import matplotlib.pyplot as plt\\nplt.plot([1]); plt.show()\\nprint(6 * 7)"
            result = await client.call_tool(name, {"code": figure})
            print("gateway", len(tools.tools), [block.type for block in result.content], result.content[0].text.splitlines()[0])

anyio.run(use)
`;

async function checkMcp(): Promise<void> {
  const env = {
    MCP_URL: `${service.server.url}/mcp`,
    KEY: service.server.key,
    NODE: process.execPath,
    MAIN: fileURLToPath(new URL('../../src/main.ts', import.meta.url)),
  };
  const python = join(mcpHome, 'bin/python');
  const example = await run(python, [join(examples, 'mcp-python.py')], env);
  for (const part of ["tools ['run_code'", 'resource_link dragoman://', "'matplotlib.pyplot'", 'squares.csv 1,4,9'])
    expect(example, part);
  const said = await run(python, ['-c', mcpClient], env);
  for (const [mode, version] of [
    ['auto', '2026-07-28'],
    ['legacy', '2025-11-25'],
  ])
    for (const part of [
      `${mode} ${version} dragoman`,
      `${mode} progress True step 0 ['text'] False`,
      `${mode} wrong True code: is required`,
      `${mode} listed []`,
      `${mode} unknown MCPError`,
      `${mode} after free`,
      `${mode} bridged ${version} 42`,
    ])
      expect(said, part);
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
  if (!existsSync(mcpHome)) {
    await run('python3', ['-m', 'venv', mcpHome]);
    await run(join(mcpHome, 'bin/pip'), ['install', '--quiet', ...mcpPackages]);
  }
  if (!existsSync(webui)) {
    await run('python3', ['-m', 'venv', jupyterHome]);
    const pip = join(jupyterHome, 'bin/pip');
    await run(pip, ['install', '--quiet', ...jupyterPackages]);
    await run(pip, ['install', '--quiet', '--no-deps', '--target', webui, openWebui]);
  }
  const { url: URL, key: KEY } = service.server;
  await checkJupyter({ url: URL, key: KEY, labPort: await freePort(), webui }, (args, env) =>
    run(join(jupyterHome, 'bin/python'), args, env),
  );
  if (!existsSync(sandboxHome)) {
    await run('python3', ['-m', 'venv', sandboxHome]);
    await run(join(sandboxHome, 'bin/pip'), ['install', '--quiet', ...sandboxPackages]);
  }
  await checkSandboxes(
    service.server,
    service.upstream,
    model,
    (program, env) => run(join(sandboxHome, 'bin/python'), ['-c', program], env),
    expect,
  );
  await checkMcp();
  await checkDirect();
  await checkStraight();
  await checkAnthropic(service.upstream, model, (program) =>
    run(join(home, 'bin/python'), ['-c', program], { URL, KEY, MODEL: model }),
  );
  await checkLiteLlm();
  console.log('Jupyter’s clients, mcp, openai-python, anthropic, LiteLLM, e2b and opensandbox work.');
} finally {
  for (const child of started) child.kill();
  await service.stop();
  rmSync(folder, { recursive: true, force: true });
}
