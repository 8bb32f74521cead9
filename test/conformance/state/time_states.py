"""Times the saving and the taking in of tables of several sizes, beside cloudpickle. Runs inside a sandbox (bench/state.ts).

Prints one line of JSON a size: {megabytes, blocked, saved, restored, bytes, dumps, loads}, in seconds.
"""

import json
import os
import sys
import threading
import time

import cloudpickle
import numpy
import pandas

from dragoman_python import shell as shells
from dragoman_python import tools
from dragoman_python.state import restorer, saver


class _Nowhere:
    failed = False

    def begin(self, _cell):
        pass

    def show(self, *_, **__):
        pass

    def error(self, *_):
        pass

    def clear(self, _wait):
        pass

    def settle(self):
        pass


def timed(work):
    begun = time.monotonic()
    value = work()
    return time.monotonic() - begun, value


def in_fork(work):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, json.dumps(work()).encode())
        os._exit(0)
    os.close(writing)
    said = os.read(reading, 1 << 16)
    os.close(reading)
    os.waitpid(child, 0)
    return json.loads(said)


def kernel():
    cells = shells.prepare()
    cells.begin(_Nowhere())
    return cells


def keep(content, reading):
    while part := os.read(reading, 1 << 20):
        content += part


def one(megabytes):
    content = bytearray()
    reading, writing = os.pipe()

    def save():
        cells = kernel()
        cells.user_ns['df'] = pandas.DataFrame({'n': numpy.arange(megabytes * 131072)})
        begun = time.monotonic()
        saver.save(cells, {'snapshot': 't', 'deadline_ms': 60_000, 'max_bytes': 4 << 30}, writing, tools.is_tool)
        return {'blocked': time.monotonic() - begun}

    thread = threading.Thread(target=keep, args=(content, reading))
    thread.start()
    begun = time.monotonic()
    told = in_fork(save)
    os.close(writing)
    thread.join()
    told.update(saved=time.monotonic() - begun, bytes=len(content))
    giving, taking = os.pipe()

    def restore():
        os.close(taking)
        cells = kernel()
        took, _ = timed(lambda: restorer.restore(cells, giving))
        assert len(cells.user_ns['df']) == megabytes * 131072
        return {'restored': took}

    def feed():
        view = memoryview(content)
        while view:
            view = view[os.write(taking, view[: 1 << 20]) :]

    thread = threading.Timer(0.2, feed)
    thread.start()
    told.update(in_fork(restore))
    thread.join()
    os.close(giving)
    os.close(taking)
    del content

    def plain():
        df = pandas.DataFrame({'n': numpy.arange(megabytes * 131072)})
        dumps, made = timed(lambda: cloudpickle.dumps(df))
        loads, _ = timed(lambda: cloudpickle.loads(made))
        return {'dumps': dumps, 'loads': loads}

    told.update(in_fork(plain))
    return {'megabytes': megabytes, **told}


for size in json.loads(sys.argv[1]):
    print(json.dumps(one(size)), flush=True)
