import {
  type Kernel,
  KernelManager,
  KernelMessage,
  KernelSpecManager,
  ServerConnection,
  SessionManager,
} from '@jupyterlab/services';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { startServer, type TestServer } from '../support/server.ts';

/** JupyterLab's own library, unmodified: what Lab, Notebook 7 and VS Code are built on. */
let server: TestServer;
beforeAll(async () => {
  server = await startServer({ env: { DRAGOMAN_RATE_LIMITS: 'off' } });
});
afterAll(() => server?.stop());

const settings = (path = '/jupyter') =>
  ServerConnection.makeSettings({
    baseUrl: `${server.url}${path}`,
    token: server.key,
    appendToken: true,
    WebSocket: WebSocket as never,
  });

async function kernel(name = 'python3', path?: string): Promise<Kernel.IKernelConnection> {
  const manager = new KernelManager({ serverSettings: settings(path) });
  await manager.ready;
  const connection = await manager.startNew({ name });
  await connection.info;
  onTestFinished(async () => {
    await connection.shutdown().catch(() => {});
    connection.dispose();
    manager.dispose();
  });
  return connection;
}

type Said = { type: string; content: Record<string, unknown>; parent: string };

/** Runs code; resolves with everything iopub said about it, and the reply. */
async function run(
  connection: Kernel.IKernelConnection,
  code: string,
  more: Partial<KernelMessage.IExecuteRequestMsg['content']> = {},
) {
  const future = connection.requestExecute({ code, ...more });
  const said: Said[] = [];
  future.onIOPub = ({ header, content, parent_header }) =>
    void said.push({
      type: header.msg_type,
      content: content as never,
      parent: (parent_header as { msg_id: string }).msg_id,
    });
  const reply = await future.done;
  expect(new Set(said.map(({ parent }) => parent))).toEqual(new Set([future.msg.header.msg_id]));
  return { said, types: said.map(({ type }) => type), reply: reply.content as unknown as Record<string, unknown> };
}

const state = (said: Said[]) =>
  said.filter(({ type }) => type === 'status').map(({ content }) => content.execution_state);

describe('a kernel', () => {
  it('says busy, what it runs, what that shows, and idle, in order', async () => {
    const python = await kernel();
    expect((await python.info).language_info).toMatchObject({ name: 'python', file_extension: '.py' });
    const { said, types, reply } = await run(python, 'print("out")\nimport sys\nprint("err", file=sys.stderr)\n6 * 7');
    expect(types).toEqual(['status', 'execute_input', 'stream', 'stream', 'execute_result', 'status']);
    expect(state(said)).toEqual(['busy', 'idle']);
    expect(said.map(({ content }) => content)).toMatchObject([
      {},
      { code: expect.stringContaining('6 * 7'), execution_count: 1 },
      { name: 'stdout', text: 'out\n' },
      { name: 'stderr', text: 'err\n' },
      { data: { 'text/plain': '42' }, execution_count: 1, metadata: {} },
      {},
    ]);
    expect(reply).toMatchObject({ status: 'ok', execution_count: 1, user_expressions: {}, payload: [] });
    expect((await run(python, '_ + 1')).said[2]!.content).toMatchObject({
      data: { 'text/plain': '43' },
      execution_count: 2,
    });
  });

  it('tells an error once, with its traceback, and aborts what waits behind it', async () => {
    const python = await kernel();
    await python.info;
    const futures = ['1 / 0', 'print("never")'].map((code) => python.requestExecute({ code, stop_on_error: true }));
    const texts: string[] = [];
    futures[1]!.onIOPub = ({ header }) => void texts.push(header.msg_type);
    const said: Said[] = [];
    futures[0]!.onIOPub = ({ header, content }) =>
      void said.push({ type: header.msg_type, content: content as never, parent: '' });
    const [failed, aborted] = await Promise.all(futures.map(({ done }) => done));
    expect(said.map(({ type }) => type)).toEqual(['status', 'execute_input', 'error', 'status']);
    expect(said[2]!.content).toMatchObject({ ename: 'ZeroDivisionError', evalue: 'division by zero' });
    expect((said[2]!.content.traceback as string[]).join('\n')).toContain('1 / 0');
    expect(failed!.content).toMatchObject({ status: 'error', ename: 'ZeroDivisionError' });
    expect(aborted!.content.status).toBe('aborted');
    expect(texts).toEqual(['status', 'status']);
    expect((await run(python, '1 + 1')).reply.status).toBe('ok');
  });

  it('shows, updates and takes back displays, also those of an earlier cell', async () => {
    const python = await kernel();
    const first = await run(
      python,
      'from IPython.display import clear_output\nh = display("one", display_id="x")\nclear_output(wait=True)\nh.update("two")',
    );
    expect(first.said.slice(2, -1).map(({ type, content }) => [type, content.transient])).toEqual([
      ['display_data', { display_id: 'x' }],
      ['clear_output', undefined],
      ['update_display_data', { display_id: 'x' }],
    ]);
    const updates: unknown[] = [];
    // The library hands an update to the cell that showed the display.
    python.iopubMessage.connect((_, { header, content }) => {
      if (header.msg_type === 'update_display_data') updates.push(content);
    });
    await run(python, 'h.update("three")');
    expect(updates).toMatchObject([{ data: { 'text/plain': "'three'" }, transient: { display_id: 'x' } }]);
    const figure = await run(python, 'import matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()');
    const shown = figure.said.find(({ type }) => type === 'display_data')!.content.data as Record<string, string>;
    expect(Object.keys(shown).sort()).toEqual(['image/png']);
    expect(shown['image/png']).not.toContain('\n');
  });

  it('asks for input where its client answers, and says that it cannot where it does not', async () => {
    const python = await kernel();
    await python.info;
    const future = python.requestExecute({
      code: 'import getpass\nprint(input("name? "), getpass.getpass("key? "))',
      allow_stdin: true,
    });
    const asked: unknown[] = [];
    future.onStdin = (message) => {
      if (!KernelMessage.isInputRequestMsg(message)) return;
      asked.push(message.content);
      python.sendInputReply(
        { value: message.content.password ? 'secret' : 'Ann', status: 'ok' },
        message.parent_header as never,
      );
    };
    let printed = '';
    future.onIOPub = (message) => {
      if (KernelMessage.isStreamMsg(message)) printed += message.content.text;
    };
    expect((await future.done).content.status).toBe('ok');
    expect(asked).toEqual([
      { prompt: 'name? ', password: false },
      { prompt: 'key? ', password: true },
    ]);
    expect(printed).toContain('Ann secret');
    expect((await run(python, 'input()', { allow_stdin: false })).reply).toMatchObject({
      status: 'error',
      ename: 'EOFError',
    });
  });

  it('completes, describes, knows what is whole, and what was run', async () => {
    const python = await kernel();
    await run(python, 'import math\nvalue = 1');
    const complete = await python.requestComplete({ code: 'math.sq', cursor_pos: 7 });
    const { matches, cursor_start: start } = complete.content as KernelMessage.ICompleteReplyMsg['content'] & {
      matches: string[];
      cursor_start: number;
    };
    expect(matches.map((match) => 'math.sq'.slice(0, start) + match)).toContain('math.sqrt');
    const inspect = await python.requestInspect({ code: 'math.sqrt', cursor_pos: 9, detail_level: 0 });
    expect(inspect.content).toMatchObject({ status: 'ok', found: true });
    expect(
      (await python.requestInspect({ code: 'nothing_here', cursor_pos: 5, detail_level: 0 })).content,
    ).toMatchObject({ status: 'ok', found: false });
    expect((await python.requestIsComplete({ code: 'for x in y:' })).content).toEqual({
      status: 'incomplete',
      indent: '    ',
    });
    expect((await python.requestIsComplete({ code: '1' })).content).toEqual({ status: 'complete' });
    const history = await python.requestHistory({ hist_access_type: 'tail', n: 5, output: false, raw: true });
    expect(history.content).toEqual({ status: 'ok', history: [[1, 1, 'import math\nvalue = 1']] });
    expect((await python.requestCommInfo({})).content).toEqual({ status: 'ok', comms: {} });
  });

  it('is interrupted with its variables, and restarted without them under the same id', async () => {
    const python = await kernel();
    await run(python, 'x = 1');
    const future = python.requestExecute({ code: 'print("begun", flush=True)\nimport time\ntime.sleep(60)' });
    await new Promise<void>((resolve) => {
      future.onIOPub = ({ header }) => {
        if (header.msg_type === 'stream') resolve();
      };
    });
    await python.interrupt();
    expect((await future.done).content).toMatchObject({ status: 'error', ename: 'KeyboardInterrupt' });
    expect((await run(python, 'x')).said[2]!.content).toMatchObject({ data: { 'text/plain': '1' } });
    const { id } = python;
    await python.restart();
    expect(python.id).toBe(id);
    const after = await run(python, 'x');
    expect(after.reply).toMatchObject({ status: 'error', ename: 'NameError', execution_count: 1 });
  });

  it('says why its interpreter died, and serves on with a new one', async () => {
    const python = await kernel();
    await run(python, 'x = 1');
    const restarted = new Promise<void>((resolve) => {
      python.statusChanged.connect((_, status) => {
        if (status === 'autorestarting') resolve();
      });
    });
    const { reply, types } = await run(python, 'import os; os._exit(3)');
    expect(types.slice(-2)).toEqual(['error', 'status']);
    expect(reply).toMatchObject({ status: 'error', ename: 'DeadKernelError' });
    await restarted;
    expect(
      (await run(python, '"x" in globals()')).said.find(({ type }) => type === 'execute_result')?.content,
    ).toMatchObject({
      data: { 'text/plain': 'False' },
      execution_count: 1,
    });
  });

  it.each(['javascript', 'typescript', 'bash'])('is there for %s', async (name) => {
    const other = await kernel(name);
    const code = name === 'bash' ? 'echo $((6 * 7))' : '6 * 7';
    const { said, reply } = await run(other, code);
    expect(reply.status).toBe('ok');
    expect(JSON.stringify(said)).toContain('42');
    const failing = await run(other, name === 'bash' ? 'false' : 'throw new RangeError("far")');
    expect(failing.reply).toMatchObject({ status: 'error', ename: name === 'bash' ? 'ExitStatus' : 'RangeError' });
    expect(failing.said.filter(({ type }) => type === 'stream')).toEqual([]);
  });

  it('evaluates expressions beside a cell, and runs silently where that is asked for', async () => {
    const python = await kernel();
    const { reply } = await run(python, 'x = 2', { user_expressions: { twice: 'x * 2', none: 'y' } });
    expect(reply.user_expressions).toMatchObject({
      twice: { status: 'ok', data: { 'text/plain': '4' } },
      none: { status: 'error', ename: 'NameError' },
    });
    const silent = await run(python, 'x', { silent: true });
    expect(silent.types).toEqual(['status', 'status']);
    expect((await run(python, 'x')).reply.execution_count).toBe(2);
  });
});

describe('what is around kernels', () => {
  it('specs are of the languages that keep variables', async () => {
    const manager = new KernelSpecManager({ serverSettings: settings() });
    await manager.ready;
    expect(manager.specs!.default).toBe('python3');
    expect(Object.keys(manager.specs!.kernelspecs).sort()).toEqual(['bash', 'javascript', 'python3', 'typescript']);
    manager.dispose();
  });

  it('two clients of one kernel see what either runs, and each gets its own replies', async () => {
    const first = await kernel();
    await first.info;
    const second = new KernelManager({ serverSettings: settings() }).connectTo({
      model: first.model,
      clientId: 'second',
    });
    onTestFinished(() => second.dispose());
    await second.info;
    const heard: string[] = [];
    second.anyMessage.connect((_, { msg, direction }) => {
      if (direction === 'recv') heard.push(`${msg.channel} ${msg.header.msg_type}`);
    });
    await run(first, 'print(1)');
    await run(second, '2');
    expect(heard).toContain('iopub stream');
    expect(heard.filter((each) => each === 'shell execute_reply')).toHaveLength(1);
  });

  it('sessions bind a document to a kernel, once', async () => {
    const kernels = new KernelManager({ serverSettings: settings() });
    const sessions = new SessionManager({ kernelManager: kernels, serverSettings: settings() });
    await sessions.ready;
    const make = () =>
      sessions.startNew({ path: 'a/b.ipynb', name: 'b.ipynb', type: 'notebook', kernel: { name: 'python3' } });
    const session = await make();
    const again = await make();
    expect(again.id).toBe(session.id);
    await session.setPath('a/c.ipynb');
    expect((await sessions.findByPath('a/c.ipynb'))?.id).toBe(session.id);
    const before = session.kernel!.id;
    await session.changeKernel({ name: 'bash' });
    expect(session.kernel!.name).toBe('bash');
    expect(session.kernel!.id).not.toBe(before);
    await session.shutdown();
    await sessions.refreshRunning();
    expect([...sessions.running()]).toEqual([]);
    sessions.dispose();
    kernels.dispose();
  });
});
