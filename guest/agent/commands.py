"""The commands of a live session: programs of the image that run beside its kernels, each with streams of its own.

Orders: command {id,argv,folder,env,terminal,input,grant} starts one; input {id,size} and bytes; end_input {id}; signal {id,signal};
resize {id,columns,rows}; grant {id,bytes}. Said beside cells: started {id,pid}, refused {id,reason,message}, taken {id,bytes,closed},
ended {id,code,signal,cpu_ms}, and the output as data frames under the command's number: stream 0 is stdout, 1 stderr, 2 the terminal.

A command says no more than the service has granted it, a frame at its bytes and `FRAME_COST`. What is beyond that stays in its pipe,
and the program waits. It has ended when its first process has ended and what that had written is told: processes that it left
behind lose its streams. Each command is a session of its own for the kernel, and so a process group.
"""

import errno
import fcntl
import os
import select
import signal
import struct
import termios

from . import endings, frames, workspace

# As the service counts it: with the head of the frame.
FRAME_COST = 69
# Input is told as taken in steps of so many bytes, and when nothing waits.
_TOLD_BYTES = 4096
# In one session; the service allows fewer.
_MOST = 64
_CHUNK = 1 << 16
# A terminal cannot say how much waits in it: so much is read at most after the end.
_MOST_AFTER_END = 1 << 20
_OUT, _ERR, _TERMINAL = range(3)
# What a command may say that nobody hears.
_UNBOUNDED = 1 << 62


class Refused(Exception):
    """A command cannot be started: (reason, sentence)."""


class Command:
    def __init__(self, number, pid, streams, feed, terminal, granted):
        """`streams`: {descriptor: stream}; `feed`: where its input is written, or None; `terminal`: our end of one, or None."""
        self.number = number
        self.pid = pid
        self.streams = streams
        self.feed = feed
        self.terminal = terminal
        self.granted = granted
        self.taken = 0  # bytes of input that have left and were not told yet
        self.waiting = bytearray()  # input that its pipe has had no room for
        self.is_input_over = False  # Nothing follows what waits.
        self.ending = None  # once its first process has ended
        self.left = {}  # bytes of each stream that are still its own, then


class Commands:
    def __init__(self, poller, spawn, tell):
        """`spawn(argv, env, actions, own_session)` starts a program; `tell(bytes)` sends frames to the service."""
        self._poller = poller
        self._spawn = spawn
        self._tell = tell
        self._by_number = {}
        self._by_pid = {}
        self._by_fd = {}

    def obey(self, frame, body):
        """An order of the service. `body`: the bytes of `input`."""
        if frame['op'] == 'command':
            self._start(frame)
            return
        command = self._by_number.get(frame['id'])
        if command is None:
            return  # It has ended meanwhile.
        match frame['op']:
            case 'input':
                command.waiting += body
                self._feed(command)
            case 'end_input':
                command.is_input_over = True
                self._feed(command)
            case 'signal':
                self._signal(command, getattr(signal, frame['signal']))
            case 'resize':
                if command.terminal is not None:
                    _resize(command.terminal, frame['columns'], frame['rows'])
            case 'grant':
                command.granted += frame['bytes']
                self._watch(command)

    def leave(self):
        """Nobody hears them any more: their programs go on, and what they write is dropped."""
        self._tell = lambda _: None
        for command in list(self._by_number.values()):
            command.granted = _UNBOUNDED
            self._watch(command)

    def serve(self, ready):
        """Passes on what programs have written, and writes their input. `ready`: descriptor -> events."""
        for fd, events in ready.items():
            command = self._by_fd.get(fd)
            if command is None:
                continue
            if fd == command.feed and events & (select.POLLOUT | select.POLLERR):
                self._feed(command)
            if fd in command.streams and events & ~select.POLLOUT:
                self._read(command, fd)

    def ended(self, pid, status, usage):
        """A process was reaped; whether it was the first one of a command."""
        command = self._by_pid.pop(pid, None)
        if command is None:
            return False
        command.ending = {**endings.ending(status), 'cpu_ms': int((usage.ru_utime + usage.ru_stime) * 1000)}
        for fd in list(command.streams):
            command.left[fd] = _MOST_AFTER_END if command.terminal is not None else _waiting_in(fd)
            self._read(command, fd)
        self._finish_if_told(command)
        return True

    def _start(self, frame):
        try:
            command = self._started(frame)
        except Refused as refused:
            reason, message = refused.args
            self._tell(frames.aside({'aside': 'refused', 'id': frame['id'], 'reason': reason, 'message': message[:900]}))
            return
        self._by_number[command.number] = self._by_pid[command.pid] = command
        self._tell(frames.aside({'aside': 'started', 'id': command.number, 'pid': command.pid}))
        self._watch(command)

    def _started(self, frame):
        if len(self._by_number) >= _MOST:
            raise Refused('busy', f'a sandbox runs at most {_MOST} commands at once')
        folder = frame['folder']
        try:
            inside = os.open(os.path.join(workspace.WORKSPACE, folder), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except (OSError, ValueError) as error:
            raise Refused('directory', f"cwd '{folder}' does not exist or cannot be used: {_text(error)}") from None
        try:
            # Children begin where this process is.
            os.fchdir(inside)
            start = self._on_terminal if frame['terminal'] else self._on_pipes
            return start(frame, {**os.environ, **frame['env']})
        except OSError as error:
            reason = 'program' if error.errno in (errno.ENOENT, errno.EACCES, errno.ENOEXEC, errno.ENOTDIR) else 'failed'
            raise Refused(reason, f'{frame["argv"][0]}: {_text(error)}') from None
        except ValueError as error:
            raise Refused('program', str(error)) from None
        finally:
            os.chdir(workspace.WORKSPACE)
            os.close(inside)

    def _on_pipes(self, frame, env):
        ours, theirs = [], []
        try:
            for _ in (_OUT, _ERR):
                end, other = os.pipe2(os.O_CLOEXEC)
                ours.append(end)
                theirs.append(other)
            feed = None
            if frame['input']:
                source, feed = os.pipe2(os.O_CLOEXEC)
                ours.append(feed)
            else:
                source = os.open('/dev/null', os.O_RDONLY | os.O_CLOEXEC)
            theirs.append(source)
            actions = [(os.POSIX_SPAWN_DUP2, fd, at) for at, fd in enumerate((source, *theirs[:2]))]
            pid = self._spawn(frame['argv'], env, actions, own_session=True)
        except BaseException:
            for fd in ours:
                os.close(fd)
            raise
        finally:
            for fd in theirs:
                os.close(fd)
        for fd in ours:
            os.set_blocking(fd, False)
        return Command(frame['id'], pid, {ours[0]: _OUT, ours[1]: _ERR}, feed, None, frame['grant'])

    def _on_terminal(self, frame, env):
        terminal, other = os.openpty()
        try:
            _resize(terminal, frame['terminal']['columns'], frame['terminal']['rows'])
            # The first terminal that the leader of a session opens controls that session.
            opened = (os.POSIX_SPAWN_OPEN, 0, os.ptsname(terminal), os.O_RDWR, 0)
            copied = [(os.POSIX_SPAWN_DUP2, 0, at) for at in (1, 2)]
            pid = self._spawn(frame['argv'], env, [opened, *copied], own_session=True)
        except BaseException:
            os.close(terminal)
            raise
        finally:
            os.close(other)
        os.set_blocking(terminal, False)
        return Command(frame['id'], pid, {terminal: _TERMINAL}, terminal, terminal, frame['grant'])

    def _watch(self, command):
        """Has its descriptors looked at, as far as something can be done with them now."""
        # After its end it is not polled: what is its own is there already.
        is_read = command.ending is None and command.granted > FRAME_COST
        wanted = dict.fromkeys(command.streams, select.POLLIN) if is_read else {}
        if command.feed is not None and command.waiting:
            wanted[command.feed] = wanted.get(command.feed, 0) | select.POLLOUT
        for fd in {*command.streams, *([command.feed] if command.feed is not None else [])}:
            self._unwatch(fd)
        for fd, events in wanted.items():
            self._poller.register(fd, events)
            self._by_fd[fd] = command
        if command.ending is not None:
            for fd in list(command.streams):
                self._read(command, fd)
            self._finish_if_told(command)

    def _unwatch(self, fd):
        if self._by_fd.pop(fd, None) is not None:
            self._poller.unregister(fd)

    def _read(self, command, fd):
        """Passes on the output that waits, at most what is granted."""
        left = command.left.get(fd, _CHUNK)
        while left > 0 and command.granted > FRAME_COST:
            try:
                content = os.read(fd, min(_CHUNK, left, command.granted - FRAME_COST))
            except BlockingIOError:
                if command.ending is None:
                    return
                content = b''
            except OSError:
                content = b''  # Of a terminal: no process has it open any more.
            if not content:
                left = 0
                break
            left -= len(content)
            command.granted -= len(content) + FRAME_COST
            self._tell(frames.data(command.number, command.streams[fd], content))
            if command.ending is None:
                if command.granted <= FRAME_COST:
                    self._watch(command)
                return  # The others get their turn.
        if command.ending is not None:
            command.left[fd] = left
            if left > 0:
                return
        elif command.granted <= FRAME_COST:
            return
        if command.terminal is not None and command.ending is None:
            self._unwatch(fd)  # It still takes input, should another process open it.
            return
        self._close_stream(command, fd)

    def _close_stream(self, command, fd):
        self._unwatch(fd)
        del command.streams[fd]
        if fd != command.terminal:
            os.close(fd)

    def _finish_if_told(self, command):
        if command.ending is None or command.streams:
            return
        self._close_feed(command)
        if command.terminal is not None:
            self._unwatch(command.terminal)
            os.close(command.terminal)
        del self._by_number[command.number]
        self._tell(frames.aside({'aside': 'ended', 'id': command.number, **command.ending}))

    def _feed(self, command):
        """Writes its input, as far as there is room."""
        while command.waiting:
            try:
                count = os.write(command.feed, memoryview(command.waiting)[:_CHUNK]) if command.feed is not None else None
            except BlockingIOError:
                break
            except OSError:
                count = None
            if count is None:
                # It reads no more.
                count = len(command.waiting)
                self._close_feed(command)
            command.taken += count
            del command.waiting[:count]
        if command.is_input_over and not command.waiting:
            self._close_feed(command)
        if command.taken >= _TOLD_BYTES or (command.taken and not command.waiting):
            told = {'id': command.number, 'bytes': command.taken, 'closed': command.feed is None}
            command.taken = 0
            self._tell(frames.aside({'aside': 'taken', **told}))
        self._watch(command)

    def _close_feed(self, command):
        if command.feed is not None and command.feed != command.terminal:
            self._unwatch(command.feed)
            os.close(command.feed)
        command.feed = None

    def _signal(self, command, number):
        if command.ending is not None:
            return
        groups = {command.pid}
        if command.terminal is not None:
            try:
                groups.add(os.tcgetpgrp(command.terminal))
            except OSError:
                pass
        for group in groups - {0, 1}:
            try:
                os.killpg(group, number)
            except (ProcessLookupError, PermissionError):
                pass
        if number == signal.SIGKILL:
            for pid in _of_session(command.pid):
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass


def _resize(terminal, columns, rows):
    """Also tells the foreground processes."""
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))


def _waiting_in(pipe):
    return struct.unpack('i', fcntl.ioctl(pipe, termios.FIONREAD, b'\0' * 4))[0]


def _of_session(leader):
    """The processes of a session: those that left its first group, too."""
    found = []
    for name in os.listdir('/proc'):
        if not name.isdigit():
            continue
        try:
            with open(f'/proc/{name}/stat', 'rb') as file:
                fields = file.read().rpartition(b')')[2].split()
        except OSError:
            continue
        if int(fields[3]) == leader:
            found.append(int(name))
    return found


def _text(error):
    return getattr(error, 'strerror', None) or str(error)
