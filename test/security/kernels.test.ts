import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { openFor } from '../support/cells.ts';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { atPace, nature } from '../support/tier.ts';
import { attacking } from './attack.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

/** The kernel's own pipe of events is wherever its numbers are high; what a cell wants to say on it is said on all. */
const python = `
import os, json, struct
pipes = [fd for fd in range(225, 260) if os.path.exists(f'/proc/self/fd/{fd}')]
def say(body):
    frame = struct.pack('>I', len(body)) + body
    for fd in pipes:
        try:
            view = memoryview(frame)
            while view: view = view[os.write(fd, view):]
        except OSError: pass
def event(**fields): say(json.dumps(fields).encode())
shell = get_ipython()
`;

/** Runs a hostile cell, then asks the same session for a sum; the second must be answered by whatever is left or made anew. */
async function attack(
  code: string,
  { wallMs = 3000, language = 'python', mayTakeAll = false } = {},
  atEnd?: TestContext['onTestFinished'],
) {
  const session = await openFor(engine, { processes: 48 }, atEnd);
  const cell = await session.run((language === 'python' ? python : '') + code, { limits: { wallMs }, language });
  // On a busy machine a storm of processes may leave the supervisor no turn in time: then its sandbox is given up as a whole.
  if (mayTakeAll && session.session.ended) {
    expect(nature.copiesLargely ? ['timed_out', 'out_of_memory'] : ['timed_out']).toContain(cell.outcome);
    expect(cell.interpreter).toBe('lost');
    return cell;
  }
  expect(session.session.ended).toBe(false);
  const sums = { python: '6 * 7', javascript: '6 * 7', bash: 'echo $((6 * 7))' };
  const next = await session.run(sums[language as keyof typeof sums], { language });
  expect(language === 'bash' ? next.stdout.trim() : next.value).toBe('42');
  expect(next.outcome).toBe('completed');
  return cell;
}

describe('a kernel that speaks garbage is ended, and the session goes on', attacking('kernels'), () => {
  // Some wait for their time limit, so they are in several sessions at once.
  it.concurrent.for([
    ['no frame', "[os.write(fd, b'\\xff' * 4096) for fd in pipes[1:]]"],
    ['no JSON', "say(b'{')"],
    ['no object', "say(b'[1]')"],
    ['no number', 'say(b\'{"event": "display", "bundle": {"application/json": NaN}}\')'],
    ['a number beyond all', 'say(b\'{"event": "display", "bundle": {"application/json": 1e999}}\')'],
    ['deep nesting', "say(b'[' * 200_000)"],
    [
      'nesting that can be read',
      'say(b\'{"event": "display", "bundle": {"application/json": \' + b\'[\' * 900 + b\']\' * 900 + b\'}}\')',
    ],
    ['many values', 'say(b\'{"event": "display", "bundle": {"application/json": [\' + b\'[],\' * 600_000 + b\'1]}}\')'],
    ['half a character', 'say(b\'{"event": "display", "bundle": {"text/plain": "\\\\ud800"}}\')'],
    ['a frame beyond all bounds', "say(b' ' * (25 << 20))"],
    ['too many events', "for _ in range(20_000): event(event='display', bundle={'text/plain': 'x'})"],
    [
      'updates of nothing, and no end of them',
      "for n in range(20_000): event(event='display', name='n' * (n % 300), update=True, bundle={'text/plain': 'x'}); event(event='clear', wait=n % 2 == 0)",
    ],
    [
      'names and clearings of no kind',
      "for odd in (1, None, [], {}, 'x' * 5000, '__proto__'): event(event='display', name=odd, update=odd, bundle={'text/plain': 'x'}); event(event='clear', wait=odd)",
    ],
    ['too large events', "for _ in range(20): event(event='display', bundle={'image/png': 'A' * (6 << 20)})"],
    ['events of no kind', "event(event='tool_call'); event(event=5); event(); event(claim='done', token='x', code=0)"],
  ] as const)('%s', async ([, code], { onTestFinished }) => {
    const cell = await attack(code, {}, onTestFinished);
    expect(['completed', 'timed_out']).toContain(cell.outcome);
    expect(cell.outputs.length).toBeLessThanOrEqual(200);
  });
});

describe('a forged end', attacking('kernels'), () => {
  // None of them runs into a limit, however busy the machine is.
  const patient = { wallMs: atPace(15_000) };

  it('of no cell is not heard', async () => {
    const cell = await attack(
      "event(event='done', code=0)\nevent(event='done', code=0, cell='x' * 21)\nprint('here')\nexit(3)",
      patient,
    );
    expect(cell).toMatchObject({ exitCode: 3, stdout: 'here\n', interpreter: 'kept' });
  });

  it('of its own cell ends it: what it goes on to do is no part of any result but its own session', async () => {
    const cell = await attack(
      "event(event='done', code=7, cell=shell.outbox._cell)\nimport time; time.sleep(0.2)",
      patient,
    );
    expect(cell).toMatchObject({ outcome: 'completed', exitCode: 7 });
  });

  it('with a code that is none is a failure', async () => {
    const cell = await attack(
      "event(event='done', code=10**30, cell=shell.outbox._cell)\nimport time; time.sleep(0.1)",
      patient,
    );
    expect(cell.exitCode).toBe(1);
  });

  it('before an endless loop costs the next cell its time, not the session', async () => {
    const session = await openFor(engine);
    const forged = `${python}event(event='done', code=0, cell=shell.outbox._cell)\nwhile True: pass`;
    expect(await session.run(forged, { limits: { wallMs: 2000 } })).toMatchObject({ exitCode: 0 });
    expect(await session.run('1', { limits: { wallMs: 500 } })).toMatchObject({ outcome: 'timed_out' });
    expect(await session.run('6 * 7')).toMatchObject({ value: '42' });
  });
});

describe('a forged mark', attacking('kernels'), () => {
  it('is answered at most, whether anybody reads the answers or not', async () => {
    const session = await openFor(engine);
    const cell = await session.run(
      `${python}
for mark in (-1, 1.5, 'x', None, 2**80, {'a': 1}, *range(900)):
    event(event='display', bundle={'text/plain': str(mark)}, mark=mark)
print('here')`,
      { limits: { wallMs: atPace(15_000) } },
    );
    expect(cell).toMatchObject({ outcome: 'completed', stdout: 'here\n', interpreter: 'kept' });
    expect(await session.run('display(1)\nprint(2)\n6 * 7')).toMatchObject({ value: '42', stdout: '2\n' });
  });
});

describe('a cell that takes what others need', attacking('kernels'), () => {
  it.each([
    ['forks without end', 'import os\nwhile True: os.fork()'],
    [
      'forks without end and outlives its kernel',
      `
import os, signal
while True:
    try:
        if os.fork() == 0: os.setsid()
    except OSError:
        if os.getsid(0) != os.getpid(): os.kill(os.getpid(), signal.SIGKILL)`,
    ],
    [
      'starts threads without end',
      'import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(60,)).start()',
    ],
    ['stops itself', 'import signal\nos.kill(os.getpid(), signal.SIGSTOP)'],
    ['closes the pipes of its kernel', '[os.close(fd) for fd in pipes]'],
    ['takes the place of the pipes of its kernel', "[os.dup2(os.open('/dev/null', os.O_RDWR), fd) for fd in pipes]"],
    [
      'replaces the machinery',
      'import json, signal\nshell.run = shell.run_cell = shell.outbox.done = json.dumps = signal.signal = None',
    ],
    [
      'breaks what prints',
      "import sys\nclass Bad:\n    def write(self, text): raise SystemExit('no')\n    flush = write\nsys.stdout = sys.stderr = Bad()\nprint(1)",
    ],
  ])('%s', async (_, code) => {
    const cell = await attack(code, { mayTakeAll: code.includes('fork') });
    expect(['completed', 'timed_out', 'output_limit', 'out_of_memory']).toContain(cell.outcome);
  });
});

describe('a hostile JavaScript cell', attacking('kernels'), () => {
  it.each([
    [
      'speaks garbage',
      'require("fs").writeSync(4, Buffer.alloc(4096, 255)); await new Promise((r) => setTimeout(r, 500))',
    ],
    ['closes its pipes', 'for (const fd of [3, 4, 5]) require("fs").closeSync(fd)'],
    ['closes its orders', 'require("fs").closeSync(3)'],
    ['floods its events', 'for (;;) require("fs").writeSync(4, Buffer.from("\\0\\0\\0\\x02{}"))'],
    [
      'breaks what its kernel uses',
      'JSON.stringify = Buffer.from = Object.entries = Array.prototype.push = Promise.prototype.then = null',
    ],
    [
      'shows many small things',
      'for (let i = 0; i < 9; i++) display({ "application/json": Array(90_000).fill([]) }, { raw: true })',
    ],
    ['shows deep things', 'let deep = []; for (let i = 0; i < 3000; i++) deep = [deep]; deep'],
    ['says large things in many bytes', 'display({ "application/json": "\\u4e00".repeat(8_000_000) }, { raw: true })'],
  ])('that %s is answered, and so is the next', async (_, code) => {
    const cell = await attack(code, { language: 'javascript' });
    expect(['completed', 'timed_out']).toContain(cell.outcome);
  });
});

describe('a hostile Bash cell', attacking('kernels'), () => {
  it.each([
    ['kills who speaks for it', 'kill -9 $PPID; sleep 1'],
    ['stops itself', 'kill -STOP $$'],
    ['forks without end', 'f() { f | f & }; f; while :; do :; done'],
    ['removes its folder', 'rm -rf /tmp/.cells; exit 1'],
    ['fills it', 'head -c 200M /dev/zero > /tmp/full; exit 1'],
    ['forbids exit', 'exit() { :; }; trap() { :; }; printf() { :; }; declare -r __status=5 __cell=x'],
  ])('that %s is answered, and so is the next', async (_, code) => {
    const cell = await attack(code, { language: 'bash', mayTakeAll: code.includes('f | f') });
    expect(['completed', 'timed_out']).toContain(cell.outcome);
  });
});
