"""Runs sessions from files, saves and restores each, and says how each variable came back. Runs inside a sandbox.

A file has states: a line `# state: NAME`, perhaps `# deadline MS` for saving it, then cells, each begun by `# cell` (`# cell fails` for one
that ends in an error), and probes, `# probe VARIABLE: EXPRESSION`. A variable is
right when each of its probes says after the restore what it said before. Ways: `own`, what the kernel does; `cloudpickle`, one
dump of all variables; `single`, a dump a variable.

Prints one line of JSON a state: {name, way, verdicts: {variable: right | lost | wrong}, wrong: {probe: [before, after]}, …}.
"""

import importlib
import json
import os
import resource
import sys
import time
import traceback

from dragoman_guest.agent import state_stream
from dragoman_python import shell as shells
from dragoman_python import tools
from dragoman_python.state import restorer, saver

# A probe may take so long.
_PROBE_S = 20
# Sessions that are saved by other ways may take so long.
_CPU_S = 30
# A state may patch the module.
_text_of = json.dumps
_errors = os.dup(2)


class _Nowhere:
    """An outbox that shows nothing."""

    failed = False

    def begin(self, _cell):
        self.failed = False

    def show(self, *_, **__):
        pass

    def error(self, *_):
        self.failed = True

    def clear(self, _wait):
        pass

    def settle(self):
        pass


def states_of(text):
    found = []
    for line in text.split('\n'):
        if line.startswith('# state: '):
            found.append({'name': line[9:].strip(), 'cells': [], 'probes': []})
        elif line.startswith('# deadline '):
            found[-1]['deadline'] = int(line.split()[2])
        elif line.startswith('# cell'):
            found[-1]['cells'].append('')
            found[-1]['fails'] = found[-1].get('fails', []) + [line.endswith(' fails')]
        elif line.startswith('# probe '):
            name, _, expression = line[8:].partition(': ')
            found[-1]['probes'].append([name.strip(), expression])
        elif found and found[-1]['cells']:
            found[-1]['cells'][-1] += line + '\n'
    return found


def in_fork(work):
    """What `work()` returns in a fork, as JSON carries it; None where it dies."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            with os.fdopen(writing, 'w') as file:
                file.write(_text_of(work()))
        except BaseException:
            os.write(_errors, traceback.format_exc().encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as file:
        said = file.read()
    os.waitpid(child, 0)
    return json.loads(said) if said else None


def quiet():
    null = os.open('/dev/null', os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)


def fresh():
    quiet()
    cells = shells.prepare()
    cells.begin(_Nowhere())
    return cells


def ask(cells, probes):
    """[repr of each probe], in the names of the cells, one after another."""
    import signal

    said = []
    for name, expression in probes:
        signal.signal(signal.SIGALRM, _late)
        signal.alarm(_PROBE_S)
        try:
            said.append(repr(eval(expression, cells.user_ns))[:2000])
        except BaseException as error:
            said.append(f'{type(error).__name__}: {error}'[:300])
        signal.alarm(0)
    return said


def _late(*_):
    raise TimeoutError('the probe hangs')


def session(one, way, path):
    """Runs the cells, saves to a file, and asks."""
    if way != 'own':
        # Nothing else ends a value that hangs.
        resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
    cells = fresh()
    folder = os.getcwd()
    failed = []
    for cell, fails in zip(one['cells'], one['fails']):
        cells.outbox.begin('x')
        if cells.run(cell) and not fails:
            failed.append(f'{cell[:80]}: {getattr(sys, "last_value", "")}')
    begun = time.monotonic()
    blocked = WAYS[way][0](cells, path, one.get('deadline', 60_000))
    took = time.monotonic() - begun
    return {
        'failed': failed,
        'blocked': blocked,
        'saved': took,
        'bytes': os.path.getsize(path),
        'files': copy_of(folder),
        'before': ask(cells, one['probes']),
    }


def copy_of(folder):
    """The files of a folder as they are."""
    return [[path, open(path, 'rb').read().hex()] for top, _, names in os.walk(folder) for path in (f'{top}/{name}' for name in names)]


def again(one, way, path, files):
    for name, content in files:
        with open(name, 'wb') as file:
            file.write(bytes.fromhex(content))
    cells = fresh()
    begun = time.monotonic()
    lost = WAYS[way][1](cells, path)
    took = time.monotonic() - begun
    return {'after': ask(cells, one['probes']), 'lost': lost, 'restored': took}


def save_own(cells, path, deadline):
    reading, writing = os.pipe()
    begun = time.monotonic()
    saver.save(cells, {'snapshot': 't', 'deadline_ms': deadline, 'max_bytes': 1 << 30}, writing, tools.is_tool)
    blocked = time.monotonic() - begun
    os.close(writing)
    with open(path, 'wb') as file:
        while part := os.read(reading, 1 << 20):
            file.write(part)
    return blocked


def restore_own(cells, path):
    fd = os.open(path, os.O_RDONLY)
    try:
        report, _ = restorer.restore(cells, fd)
    except state_stream.Broken:
        with open(path, 'rb') as file:
            return {'*': file.read()[-300:].decode(errors='replace')}
    lost = {each['name']: each['reason'] for each in report['lost']}
    lost.update({each['name']: f'partial: {each["lost"]}' for each in report['partial']})
    lost.update({f'@{name}': 'ambient' for name in report['ambient']})
    return lost


def variables_of(cells):
    hidden = cells.user_ns_hidden
    return {n: v for n, v in cells.user_ns.items() if not n.startswith('_') and hidden.get(n) is not v and n not in ('In', 'Out')}


def save_plain(cells, path, _deadline):
    import cloudpickle

    with open(path, 'wb') as file:
        try:
            file.write(cloudpickle.dumps(variables_of(cells)))
        except BaseException:
            pass
    return 0


def restore_plain(cells, path):
    import pickle

    try:
        with open(path, 'rb') as file:
            found = pickle.load(file)
    except BaseException:
        return {'*': 'all'}
    cells.user_ns.update(found)
    return {}


def save_single(cells, path, _deadline):
    import cloudpickle

    made = {}
    for name, value in variables_of(cells).items():
        try:
            made[name] = cloudpickle.dumps(value)
        except BaseException:
            pass
    with open(path, 'wb') as file:
        file.write(cloudpickle.dumps(made))
    return 0


def restore_single(cells, path):
    import pickle

    with open(path, 'rb') as file:
        made = pickle.load(file)
    lost = {}
    for name, content in made.items():
        try:
            cells.user_ns[name] = pickle.loads(content)
        except BaseException:
            lost[name] = 'load'
    return lost


WAYS = {'own': (save_own, restore_own), 'cloudpickle': (save_plain, restore_plain), 'single': (save_single, restore_single)}


def judge(one, was, now):
    """{variable: right | lost | wrong}, and what was wrong."""
    verdicts, wrong = {}, {}
    after = now['after'] if now else [None] * len(one['probes'])
    lost = now['lost'] if now else {'*': 'died'}
    for (name, expression), old, new in zip(one['probes'], was['before'], after):
        if old == new:
            verdicts.setdefault(name, 'right')
            continue
        is_named = '*' in lost or name in lost or (isinstance(new, str) and new.startswith(('NameError', 'LostError')))
        if verdicts.get(name) != 'wrong':
            verdicts[name] = 'lost' if is_named else 'wrong'
        wrong[expression] = [old, new, lost.get(name, '')]
    return verdicts, wrong


def main(files, ways, only=None, preload=()):
    for name in preload:
        importlib.import_module(name)
    # Each session has a folder of its own.
    for text in [open(file).read() for file in files]:
        for one in states_of(text):
            if only and one['name'] not in only:
                continue
            for way in ways:
                # Relative paths of the sessions are below their own folder.
                folder = f'/mnt/data/{one["name"].replace(" ", "-")}-{way}'
                os.makedirs(folder, exist_ok=True)
                os.chdir(folder)
                path = f'/tmp/{os.getpid()}.state'
                was = in_fork(lambda: session(one, way, path))
                if was is None:
                    verdicts = {name: 'lost' for name, _ in one['probes']}
                    print(json.dumps({'name': one['name'], 'way': way, 'died': True, 'verdicts': verdicts}), flush=True)
                    continue
                now = in_fork(lambda: again(one, way, path, was['files']))
                verdicts, wrong = judge(one, was, now)
                told = {key: was[key] for key in ('failed', 'blocked', 'saved', 'bytes')}
                print(json.dumps({'name': one['name'], 'way': way, 'verdicts': verdicts, 'wrong': wrong, **told, 'restored': now and now['restored'], 'lost': now and now['lost']}), flush=True)


if __name__ == '__main__':
    settings = json.loads(sys.argv[1])
    main(**settings)
