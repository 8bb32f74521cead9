"""The Bash kernel: one shell that reads cells and stays, and this process, which speaks for it (kernel_link.py).

Cells come as frames on descriptor 3, events go as frames to 4. The shell (loop.bash) sources each cell from a file and writes its
status to a pipe; its output goes to the streams directly. A shell that ends (exit, set -e, an interrupt) leaves its variables,
functions, aliases and folder in a file from which the next one begins. The same file is the state that the service keeps
(docs/reference/guest-protocol.md).
"""

import fcntl
import json
import os
import re
import select
import shlex
import shutil
import signal
import struct
import subprocess
import sys

_ORDERS, _EVENTS, _SAVED, _GIVEN = 3, 4, 6, 7
# Each of a session's kernels has one below it.
_FOLDERS = '/tmp/.cells'
_HERE = os.path.dirname(os.path.abspath(__file__))
# Where the shell finds its cells and writes its statuses: out of the way of a program's own descriptors.
_CELLS_FD, _STATUS_FD = 198, 199
_ANSWER = 'application/vnd.dragoman.answer+json'
# Another shell is asked for so long.
_ASK_S = 2


def own_folder():
    """A folder that no living kernel has: the lowest number that is free. A kernel that died has left its own behind."""
    for number in range(1000):
        folder = f'{_FOLDERS}/{number}'
        try:
            os.makedirs(folder, exist_ok=True)
            fcntl.flock(os.open(folder, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
            for name in os.listdir(folder):
                os.unlink(f'{folder}/{name}')
            return folder
        except BlockingIOError:
            pass
        except OSError:
            break
    return folder  # Nothing can be made there, and each cell says so.


class Shell:
    def __init__(self, folder):
        cells_in, self.cells = os.pipe()
        self.statuses, status_out = os.pipe()
        os.dup2(cells_in, _CELLS_FD)
        os.dup2(status_out, _STATUS_FD)
        try:
            self.process = subprocess.Popen(
                ['bash', '--noprofile', '--norc', f'{_HERE}/loop.bash', folder],
                pass_fds=(_CELLS_FD, _STATUS_FD),
                restore_signals=True,
            )
        finally:
            for fd in (cells_in, status_out, _CELLS_FD, _STATUS_FD):
                os.close(fd)

    def run(self, path, woken):
        """Runs the cell in a file; returns its status, or None when the shell has ended, and whether it had begun."""
        try:
            os.write(self.cells, f'{path}\n'.encode())
        except OSError:
            return None, False
        said = b''
        while True:
            ready, _, _ = select.select([self.statuses, woken], [], [])
            if woken in ready:
                os.read(woken, 4096)
            if self.statuses in ready:
                said += os.read(self.statuses, 64)
                # "+" when it begins, then its status.
                *_, last = said.split(b'\n')[:-1] or [b'']
                if last.isdigit():
                    return int(last) & 0xFF, True
            if self.process.poll() is not None:
                return None, b'+' in said

    def save(self, path, woken):
        """Has another process write the state to a file, which is there once it is whole; returns whether it was begun."""
        return self.run(f'state:{path}', woken)[0] == 0

    def renew(self, woken):
        """Has it take a new seed; returns whether it did."""
        return self.run(f'seed:{int.from_bytes(os.urandom(4))}', woken)[0] == 0

    def close(self):
        os.close(self.cells)
        os.close(self.statuses)


class Kernel:
    def __init__(self):
        self._count = 0
        self._shell = None
        self._interrupted = False
        self._woken, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(waker)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, self._interrupt)
        self._folder = own_folder()
        self._state = f'{self._folder}/state'

    def _interrupt(self, *_):
        self._interrupted = True

    def serve(self):
        # Ahead of the first order: a kernel may have been started long before that.
        try:
            self._shell = Shell(self._folder)
        except OSError:
            pass  # The first cell tries again, and is told why it cannot run.
        while True:
            order = _receive()
            if 'snapshot' in order or 'restore' in order:
                token = order.get('snapshot') or order.get('restore')
                done = self._snapshot(order) if 'snapshot' in order else self._restore()
                _send({'event': 'done', 'cell': token, 'code': int(not done)})
                continue
            if 'renew' in order:
                if self._shell is not None and not self._shell.renew(self._woken):
                    self._bury()
                continue
            self._interrupted = False
            _send({'event': 'begun'})
            code = self._answer(order) if order.get('question') else self._run(order)
            if self._interrupted:
                _send({'event': 'error', 'error': {'name': 'Interrupted', 'value': 'the cell was interrupted', 'traceback': []}})
            _send({'event': 'done', 'cell': order['cell'], 'code': code})

    def _snapshot(self, order):
        path = f'{self._folder}/saved-{self._count}'
        if not _has_pipes():
            return False
        if self._shell is not None:
            if not self._count:
                return False  # It has run nothing.
            if not self._shell.save(path, self._woken):
                self._bury()
        if self._shell is None:
            # The last one has left its state; there is none where nothing ran.
            if not os.path.exists(self._state):
                return False
            shutil.copyfile(self._state, path)
        bash_state.save(path, order, _SAVED)
        return True

    def _restore(self):
        if not _has_pipes() or self._count:
            return False
        if self._shell is not None:
            # It has run nothing. The one that comes after it begins from what is received.
            self._shell.process.kill()
            self._shell.process.wait()
            self._shell.close()
            self._shell = None
        try:
            content, report = bash_state.receive(_GIVEN)
            with open(self._state, 'wb') as file:
                file.write(content)
        except Exception:
            return False
        _send({'event': 'restored', 'report': report})
        return True

    def _answer(self, order):
        """What can be said about code that is being written; another shell is asked, so nothing of it runs."""
        code, question = order['code'], order['question']
        try:
            found = self._complete(code, question['cursor']) if question['kind'] == 'complete' else self._is_complete(code)
        except (OSError, subprocess.SubprocessError):
            return 1
        _send({'event': 'result', 'bundle': {_ANSWER: found}})
        return 0

    def _complete(self, code, cursor):
        before = code[: max(0, min(cursor, len(code)))]
        word = re.search(r'[^\s;&|<>()"\'`=$]*$', before).group()
        start = len(before) - len(word)
        # A word that names a command comes first in its command; others name files.
        is_command = re.search(r'(?:^|[\n;&|(])\s*$', before[:start]) is not None
        asked = ['-c', '-f'] if is_command else ['-v'] if before[:start].endswith('$') else ['-f']
        shell = self._shell.process.pid if self._shell else 'self'
        done = self._ask('cd -- "$1" && shift && compgen "$@"', f'/proc/{shell}/cwd', *asked, '--', word)
        texts = sorted({line for line in done.stdout.decode(errors='replace').splitlines() if len(line) <= 500})
        return {'matches': texts[:200], 'start': start, 'end': len(before)}

    def _is_complete(self, code):
        done = subprocess.run(
            ['bash', '--noprofile', '--norc', '-n'], input=code.encode(errors='replace'), capture_output=True, timeout=_ASK_S
        )
        if b'unexpected end of file' in done.stderr or b'unexpected EOF' in done.stderr or b'here-document' in done.stderr:
            return {'status': 'incomplete', 'indent': ''}
        return {'status': 'invalid' if done.returncode else 'complete', 'indent': ''}

    def _ask(self, program, *arguments):
        words = ['bash', '--noprofile', '--norc', '-c', program, 'bash', *arguments]
        return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=_ASK_S)

    def _run(self, order):
        self._count += 1
        path = f'{self._folder}/cell-{self._count}'
        try:
            with open(path, 'w', encoding='utf-8', errors='surrogatepass') as file:
                file.write(order['code'])
            with open(f'{path}.tools', 'w') as file:
                file.writelines(f'{tool["identifier"]} {tool["name"]}\n' for tool in order['tools'])
            with open(f'{path}.env', 'w', encoding='utf-8', errors='surrogatepass') as file:
                file.writelines(f'export {name}={shlex.quote(value)}\n' for name, value in order.get('env', {}).items())
            with open(f'{path}.names', 'w') as file:
                file.writelines(f'{name}\n' for name in order.get('env', {}))
        except OSError as error:
            print(f'[the cell could not be written to {self._folder}: {error.strerror}]', file=sys.stderr)
            return 1
        try:
            while True:
                if self._shell is None:
                    self._shell = Shell(self._folder)
                code, begun = self._shell.run(path, self._woken)
                if code is not None:
                    return code
                status = self._bury()
                # An interrupt that came late had ended the shell between two cells.
                if begun:
                    return status
        finally:
            for name in (path, f'{path}.tools', f'{path}.env', f'{path}.names'):
                if os.path.exists(name):
                    os.unlink(name)

    def _bury(self):
        """The shell has ended; returns the cell's status. One that did not leave its state takes this kernel along."""
        status = self._shell.process.returncode
        self._shell.close()
        self._shell = None
        if os.path.exists(self._state):
            return status & 0xFF
        # As the shell went, so that its end is told as it was.
        if status < 0:
            if -status != signal.SIGKILL:
                signal.signal(-status, signal.SIG_DFL)
            os.kill(os.getpid(), -status)
        os._exit(status & 0xFF)


def _has_pipes():
    try:
        os.fstat(_SAVED)
        os.fstat(_GIVEN)
        return True
    except OSError:
        return False


def _receive():
    (size,) = struct.unpack('>I', _read(4))
    return json.loads(_read(size))


def _read(size):
    parts = b''
    while len(parts) < size:
        part = os.read(_ORDERS, size - len(parts))
        if not part:
            os._exit(0)
        parts += part
    return parts


def _send(event):
    body = json.dumps(event).encode()
    view = memoryview(struct.pack('>I', len(body)) + body)
    while view:
        view = view[os.write(_EVENTS, view) :]


for link in (_ORDERS, _EVENTS, 5, _SAVED, _GIVEN):
    try:
        os.set_inheritable(link, False)
    except OSError:
        pass  # There are no pipes for a state.
sys.path.insert(0, _HERE)
import bash_state  # beside this file

Kernel().serve()
