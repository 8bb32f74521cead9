import type { TestServer } from '../support/server.ts';
import type { ScriptedUpstream } from '../support/upstream.ts';

/** In an environment of their own. */
export const sandboxPackages = [
  'e2b==2.63.0',
  'e2b-code-interpreter==2.11.5',
  'opensandbox==1.1.1',
  'opensandbox-code-interpreter==1.1.1',
  'litellm==1.110.2',
];

/** What E2B's client for Python does. Both addresses are told, so that nothing is sent to its vendor. */
const e2b = `
import hashlib, os
from e2b_code_interpreter import Sandbox
from e2b import SandboxQuery
at = dict(api_key=os.environ["KEY"], api_url=os.environ["URL"], sandbox_url=os.environ["URL"])
sandbox = Sandbox.create(**at, timeout=300, envs={"OWN": "o"}, metadata={"user": "a b"})
seen = []
run = sandbox.run_code("import os\\nx = 41\\nprint(os.environ['OWN'], 'é')\\nx + 1", on_stdout=lambda out: seen.append(out.line))
print("ran", run.text, seen, run.execution_count)
print("error", sandbox.run_code("1/0").error.name)
chart = sandbox.run_code("import matplotlib.pyplot as plt\\nplt.bar(['a', 'b'], [1, 2]); plt.title('T'); plt.show()").results[0]
print("chart", type(chart.chart).__name__, chart.chart.title, [bar.value for bar in chart.chart.elements], bool(chart.png))
context = sandbox.create_code_context(language="javascript")
print("context", context.language, sandbox.run_code("6 * 7", context=context).text)
sandbox.remove_code_context(context)
print("listed", [info.sandbox_id == sandbox.sandbox_id for info in Sandbox.list(**at, query=SandboxQuery(metadata={"user": "a b"})).next_items()])
sandbox.set_timeout(600)
print("again", Sandbox.connect(sandbox.sandbox_id, **at).run_code("x").text, sandbox.is_running())

done = sandbox.commands.run("echo out; echo err >&2; pwd; exit 0")
print("command", repr(done.stdout), repr(done.stderr), done.exit_code)
try:
    sandbox.commands.run("exit 3")
except Exception as error:
    print("failed", type(error).__name__, error.exit_code)
background = sandbox.commands.run("cat; echo end", background=True, stdin=True)
sandbox.commands.send_stdin(background.pid, "typed\\n")
print("process", [process.pid == background.pid for process in sandbox.commands.list()])
sandbox.commands.close_stdin(background.pid)
print("input", repr(background.wait().stdout), sandbox.commands.kill(background.pid))
data = os.urandom(300_000)
print("written", sandbox.files.write("deep/er/data.bin", data).path)
print("read", hashlib.sha256(sandbox.files.read("deep/er/data.bin", format="bytes")).digest() == hashlib.sha256(data).digest())
several = sandbox.files.write_files([{"path": "/tmp/a.txt", "data": "a"}, {"path": "b.txt", "data": "b"}])
print("several", [info.path for info in several])
print("seen by code", sandbox.run_code("print(open('b.txt').read(), open('/home/user/b.txt').read())").logs.stdout)
print("files", sorted(entry.name for entry in sandbox.files.list("/home/user")), sandbox.files.exists("nope"), sandbox.files.exists("b.txt"))
print("moved", sandbox.files.rename("b.txt", "c.txt").path, sandbox.files.make_dir("made"), sandbox.files.make_dir("made"))
info = sandbox.files.get_info("c.txt")
print("info", info.type.value, info.size, info.permissions, info.owner)
watch = sandbox.files.watch_dir("made")
sandbox.files.write("made/new.txt", "new")
import time
events = []
for _ in range(50):
    events += watch.get_new_events()
    if events: break
    time.sleep(0.1)
print("watched", sorted({event.name for event in events}))
watch.stop()
sandbox.files.remove("made")
print("removed", sandbox.files.exists("made"))
import urllib.request
url = sandbox.download_url("c.txt", use_signature_expiration=60)
print("signed", urllib.request.urlopen(url).read())
try:
    urllib.request.urlopen(url.replace("c.txt", "d.txt"))
except urllib.error.HTTPError as error:
    print("forged", error.code)
print("killed", sandbox.kill(), sandbox.kill(), sandbox.is_running())
`;

const told = [
  "ran 42 ['o é\\n'] 1",
  'error ZeroDivisionError',
  'chart BarChart T [1, 2] True',
  'context javascript 42',
  'listed [True]',
  'again 41 True',
  `command 'out\\n/home/user\\n' 'err\\n' 0`,
  'failed CommandExitException 3',
  'process [True]',
  `input 'typed\\nend\\n' False`,
  'written /home/user/deep/er/data.bin',
  'read True',
  "several ['/tmp/a.txt', '/home/user/b.txt']",
  "seen by code ['b b\\n']",
  "files ['b.txt', 'deep'] False True",
  'moved /home/user/c.txt True False',
  'info file 1 -rw-r--r-- user',
  "watched ['new.txt']",
  'removed False',
  "signed b'b'",
  'forged 401',
  'killed True False False',
];

/** What OpenSandbox's clients for Python do. */
const openSandbox = `
import asyncio, os
from datetime import timedelta
from opensandbox import Sandbox
from opensandbox.config import ConnectionConfig
from opensandbox.models import WriteEntry, SearchEntry
from code_interpreter import CodeInterpreter, SupportedLanguage

async def use():
    at = ConnectionConfig(domain=os.environ["URL"].removeprefix("http://"), api_key=os.environ["KEY"])
    sandbox = await Sandbox.create("opensandbox/code-interpreter:v1.1.0", connection_config=at, timeout=timedelta(minutes=5), env={"OWN": "o"})
    info = await sandbox.get_info()
    print("made", info.status.state, info.id == sandbox.id)
    await sandbox.renew(timedelta(minutes=30))
    run = await sandbox.commands.run("echo $OWN; echo err >&2; exit 3")
    print("command", [part.text for part in run.logs.stdout], [part.text for part in run.logs.stderr], run.exit_code)
    await sandbox.files.write_files([WriteEntry(path="deep/a.txt", data="a", mode=600), WriteEntry(path="/tmp/b.bin", data=bytes(range(256)))])
    print("files", await sandbox.files.read_file("deep/a.txt"), await sandbox.files.read_bytes("/tmp/b.bin") == bytes(range(256)))
    told = (await sandbox.files.get_file_info(["deep/a.txt"]))["deep/a.txt"]
    print("info", told.size, told.mode, told.owner)
    print("found", [entry.path for entry in await sandbox.files.search(SearchEntry(path="/home/user", pattern="*.txt"))])
    await sandbox.files.delete_files(["deep/a.txt"])
    codes = await CodeInterpreter.create(sandbox)
    context = await codes.codes.create_context(SupportedLanguage.PYTHON)
    await codes.codes.run("x = 41\\nprint('kept')", context=context)
    second = await codes.codes.run("print(x + 1)\\nx", context=context)
    print("code", [part.text for part in second.logs.stdout], [result.text for result in second.result])
    failed = await codes.codes.run("1/0", context=context)
    print("error", failed.error.name)
    await sandbox.kill()
    await sandbox.close()

asyncio.run(use())
`;

const openTold = [
  'made Running True',
  "command ['o\\n'] ['err\\n'] 3",
  'files a True',
  'info 1 600 user',
  "found ['/home/user/deep/a.txt']",
  "code ['42\\n'] ['41']",
  'error ZeroDivisionError',
];

/** LiteLLM's own code interpreter in OpenSandbox: called directly, and in place of the tool that a request has. */
const litellm = `
import asyncio, os
import litellm
from litellm.integrations.code_interpreter_interception.handler import CodeInterpreterInterceptionLogger
from litellm.sandbox.sandbox_tools import register_sandbox_tools

at = dict(api_key=os.environ["KEY"], api_base=os.environ["URL"] + "/v1")
# What a proxy does with its sandbox_tools and callbacks.
register_sandbox_tools([{"sandbox_tool_name": "dragoman", "litellm_params": {"sandbox_provider": "opensandbox", **at}}])
litellm.callbacks = [CodeInterpreterInterceptionLogger(enabled_providers=["openai"], sandbox_tool_name="dragoman")]
model = dict(model="openai/" + os.environ["MODEL"], api_base=os.environ["UPSTREAM"], api_key="none")

async def use():
    made = await litellm.acreate_sandbox("opensandbox", **at)
    first = await litellm.arun_code("opensandbox", made, "x = 41\\nprint('kept')", **at)
    second = await litellm.arun_code("opensandbox", made, "print(x + 1)", **at)
    failed = await litellm.arun_code("opensandbox", made, "1/0", **at)
    print("litellm", first.stdout, second.stdout, failed.error)
    print("deleted", await litellm.adelete_sandbox("opensandbox", made, **at), await litellm.adelete_sandbox("opensandbox", made, **at))
    answer = await litellm.aresponses(input="Go", tools=[{"type": "code_interpreter", "container": {"type": "auto"}}], **model)
    print("intercepted", [dict(item)["type"] for item in answer.output], answer.output[-1].content[0].text)
    chat = await litellm.acompletion(messages=[{"role": "user", "content": "Go"}], tools=[{"type": "code_interpreter"}], **model)
    print("intercepted", chat.choices[0].message.content)

asyncio.run(use())
`;

/** Checks the clients of E2B, OpenSandbox and LiteLLM for Python. @param run runs a program of Python with these variables */
export async function checkSandboxes(
  { url: URL, key: KEY }: Pick<TestServer, 'url' | 'key'>,
  upstream: ScriptedUpstream,
  model: string,
  run: (program: string, env: Record<string, string>) => Promise<string>,
  expect: (said: string, part: string) => void,
): Promise<void> {
  const env = { URL, KEY, OPENSANDBOX_DISABLE_METRICS: '1', LITELLM_LOCAL_MODEL_COST_MAP: 'True' };
  const said = await run(e2b, env);
  for (const part of told) expect(said, part);
  const opened = await run(openSandbox, env);
  for (const part of openTold) expect(opened, part);
  // Its interception asks the model with a tool of its own, and sends back what the code printed.
  const code = { call: 'litellm_code_execution', arguments: { code: 'print(6 * 7)' } };
  upstream.say([code], ({ body }) => [{ text: `It printed ${body.input.at(-1).output}` }]);
  upstream.say([code], ({ body }) => [{ text: `It printed ${body.messages.at(-1).content}` }]);
  const lit = await run(litellm, { ...env, MODEL: model, UPSTREAM: upstream.baseUrl });
  const intercepted = "intercepted ['code_interpreter_call', 'message'] It printed 42";
  for (const part of [
    'litellm kept',
    'ZeroDivisionError',
    'deleted True False',
    intercepted,
    'intercepted It printed 42',
  ])
    expect(lit, part);
}
