"""What ordinary Python programs do with the operating system; prints 'done' when all of it works."""

import asyncio
import concurrent.futures
import fcntl
import math
import mmap
import multiprocessing
import os
import pty
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import threading
from multiprocessing import shared_memory


def threads():
    results = []
    workers = [threading.Thread(target=results.append, args=(i,)) for i in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(results) == list(range(8))


def processes():
    piped = subprocess.run(['sh', '-c', 'printf "b\\na\\n" | sort'], capture_output=True, text=True, check=True)
    assert piped.stdout == 'a\nb\n'
    for method in ('fork', 'spawn', 'forkserver'):
        with multiprocessing.get_context(method).Pool(2) as pool:
            assert pool.map(math.sqrt, [1, 4, 9]) == [1, 2, 3]
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        assert list(pool.map(abs, [-1, -2])) == [1, 2]
    memory = shared_memory.SharedMemory(create=True, size=4096)
    memory.buf[0] = 1
    memory.close()
    memory.unlink()


async def event_loop():
    async def echo(reader, writer):
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, '127.0.0.1', 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b'hello\n')
    assert await reader.readline() == b'hello\n'
    writer.close()
    server.close()
    program = await asyncio.create_subprocess_exec('cat', stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert (await program.communicate(b'x'))[0] == b'x'


def sockets():
    one, other = socket.socketpair()
    one.send(b'x')
    assert other.recv(1) == b'x'
    socket.getaddrinfo('localhost', 80)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(('127.0.0.1', 0))
        datagrams.sendto(b'y', datagrams.getsockname())
        assert datagrams.recv(1) == b'y'


def files():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'a')
        with open(path, 'w+b') as file:
            file.write(b'content')
            file.flush()
            os.fsync(file.fileno())
            fcntl.flock(file, fcntl.LOCK_EX)
            fcntl.lockf(file, fcntl.LOCK_UN)
            mmap.mmap(file.fileno(), 0).flush()
        shutil.copy2(path, path + 'b')
        shutil.copytree(folder, os.path.join(folder, 'copy'))
        os.symlink('a', os.path.join(folder, 'link'))
        os.mkfifo(os.path.join(folder, 'fifo'))
        os.sync()
        base = sqlite3.connect(os.path.join(folder, 'base'))
        base.execute('pragma journal_mode=wal')
        base.execute('create table t (a)')
        base.commit()
        base.close()
    os.close(os.memfd_create('x'))


def terminal_and_signals():
    child, terminal = pty.fork()
    if child == 0:
        os.execlp('tty', 'tty')
    assert os.read(terminal, 100).startswith(b'/dev/pts/')
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    signal.pause()


if __name__ == '__main__':
    threads()
    processes()
    asyncio.run(event_loop())
    sockets()
    files()
    terminal_and_signals()
    print('done')
