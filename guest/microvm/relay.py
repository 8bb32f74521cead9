"""The machine's first process: it starts the zygote, forks one sandbox, and carries its pipes over one port.

A frame is one byte of channel, four bytes of length (big-endian), then as many bytes. What a sandbox writes before a claim leaves before
it, because the output pipes are read empty first. Nothing here is trusted by the host.
"""

import base64
import fcntl
import json
import os
import selectors
import signal
import struct
import sys
import time

from . import base, files

# To the machine.
ORDERS, COMMAND, GIVEN = 0, 1, 2
# To the host.
EVENTS, CLAIMS, STDOUT, STDERR, SAVED, CONTENT = 0, 1, 2, 3, 4, 5

_CHUNK = 60 * 1024
# More than a pipe holds: a writer that is not frozen could fill it as fast as it is read.
_CAPACITY = 1024 * 1024
_LISTED = 200
# Of an order that is answered when something else has happened.
_LATER = object()
_ADD_ENTROPY, _RESEED = 0x40085203, 0x5207


def _port(name):
    """A port is there some time after its driver."""
    while True:
        for each in os.listdir('/sys/class/virtio-ports'):
            with open(f'/sys/class/virtio-ports/{each}/name') as file:
                if file.read().strip() == name:
                    return os.open(f'/dev/{each}', os.O_RDWR | os.O_CLOEXEC)
        time.sleep(0.05)


def _group_write(group, name, value):
    fd = os.open(name, os.O_WRONLY, dir_fd=group)
    try:
        os.write(fd, str(value).encode())
    finally:
        os.close(fd)


def _group_read(group, name):
    fd = os.open(name, os.O_RDONLY, dir_fd=group)
    try:
        return dict(line.split() for line in os.read(fd, 4096).decode().splitlines())
    finally:
        os.close(fd)


class Writer:
    """Writes to a pipe at the pace of its reader, and tells the host what has left."""

    def __init__(self, relay, channel, fd):
        self._relay, self._channel, self._fd = relay, channel, fd
        self._waiting = bytearray()
        self._is_watched = False
        os.set_blocking(fd, False)

    def add(self, content):
        self._waiting += content
        self.flush()

    def drop(self):
        """Forgets what has not left."""
        dropped = len(self._waiting)
        self._waiting.clear()
        self.flush()
        if dropped:
            self._relay.say(event='taken', channel=self._channel, bytes=dropped)

    def flush(self):
        taken = 0
        try:
            while self._waiting:
                count = os.write(self._fd, self._waiting[:_CHUNK])
                del self._waiting[:count]
                taken += count
        except BlockingIOError:
            pass
        except OSError:
            # The reader is gone: nothing more is wanted.
            taken += len(self._waiting)
            self._waiting.clear()
        if bool(self._waiting) != self._is_watched:
            self._is_watched = bool(self._waiting)
            if self._is_watched:
                self._relay.selector.register(self._fd, selectors.EVENT_WRITE, self.flush)
            else:
                self._relay.selector.unregister(self._fd)
        if taken:
            self._relay.say(event='taken', channel=self._channel, bytes=taken)


class Relay:
    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self._port = _port('link')
        self._buffer = bytearray()
        self._group = base.open_groups()
        self._zygote = self._control = None
        self._said = b''
        self._pid = self._workspace = None
        self._outputs = {}
        self._writers = {}
        self._saved = None
        self._granted = 0

    def run(self):
        self.selector.register(self._port, selectors.EVENT_READ, self._hear)
        self.say(event='machine')
        while True:
            for key, _ in self.selector.select():
                # What came before may have ended this one.
                if key.fd in self.selector.get_map():
                    key.data()

    # -- the port

    def say(self, **event):
        self._send(EVENTS, json.dumps(event).encode())

    def _send(self, channel, content):
        rest = memoryview(struct.pack('>BI', channel, len(content)) + content)
        while rest:
            rest = rest[os.write(self._port, rest) :]

    def _hear(self):
        content = os.read(self._port, 1 << 16)
        if not content:
            time.sleep(0.01)
            return
        self._buffer += content
        at = 0
        while len(self._buffer) - at >= 5:
            channel, length = struct.unpack_from('>BI', self._buffer, at)
            if len(self._buffer) - at - 5 < length:
                break
            frame = bytes(self._buffer[at + 5 : at + 5 + length])
            at += 5 + length
            if channel == ORDERS:
                self._obey(json.loads(frame))
            elif channel in self._writers:
                self._writers[channel].add(frame)
        del self._buffer[:at]

    def _obey(self, order):
        number = order.pop('id', None)
        self._asked = number
        value = getattr(self, '_do_' + order.pop('op'))(**order)
        if number is not None and value is not _LATER:
            self.say(answer=number, value=value)

    # -- the machine

    def _do_zygote(self, command, environment):
        self._zygote, self._control = base.start_zygote(command, environment)
        self.selector.register(self._control, selectors.EVENT_READ, self._hear_zygote)

    def _do_renew(self, entropy, seconds):
        """A copy of a machine has the random numbers and the clock of the original until this is done."""
        fresh = base64.b64decode(entropy)
        fd = os.open('/dev/urandom', os.O_WRONLY)
        fcntl.ioctl(fd, _ADD_ENTROPY, struct.pack('ii', len(fresh) * 8, len(fresh)) + fresh)
        fcntl.ioctl(fd, _RESEED)
        os.close(fd)
        time.clock_settime(time.CLOCK_REALTIME, seconds)

    def _do_spawn(self, sizes, limits):
        self._do_limit(limits)
        order = {'op': 'spawn', 'id': 'sandbox', 'user': 1001, 'group': '', 'sizes': sizes}
        self._spawning = self._asked
        self._tell_zygote(order)
        return _LATER

    def _do_limit(self, limits):
        _group_write(self._group, 'memory.max', limits['memory'])
        _group_write(self._group, 'pids.max', limits['processes'])

    def _tell_zygote(self, order):
        self._control.sendall(json.dumps(order).encode() + b'\n')

    def _hear_zygote(self):
        said = self._control.recv(4096)
        if not said:
            self.selector.unregister(self._control)
            self.say(event='lost')
            return
        *lines, self._said = (self._said + said).split(b'\n')
        for line in lines:
            event = json.loads(line)
            match event['event']:
                case 'zygote':
                    self.say(event='zygote')
                case 'spawned':
                    self._adopt(event)
                case 'failed':
                    self.say(answer=self._spawning, value=event['message'])
                case 'exit':
                    for channel in (STDOUT, STDERR, CLAIMS):
                        self._drain(channel)
                    self.say(event='exit', code=event['code'], signal=event['signal'])

    def _adopt(self, event):
        with open(f'/proc/{self._zygote}/fdinfo/{event["pidfd"]}') as file:
            self._pid = next(int(line.split()[1]) for line in file if line.startswith('Pid:'))
        _group_write(self._group, 'cgroup.procs', self._pid)
        command, *outputs = (
            os.open(f'/proc/{self._zygote}/fd/{fd}', (os.O_WRONLY if each == 0 else os.O_RDONLY) | os.O_NONBLOCK | os.O_CLOEXEC)
            for each, fd in enumerate(event['fds'])
        )
        self._writers[COMMAND] = Writer(self, COMMAND, command)
        self._outputs = dict(zip((CLAIMS, STDOUT, STDERR), outputs, strict=True))
        self.selector.register(self._outputs[CLAIMS], selectors.EVENT_READ, self._hear_claims)
        for channel in (STDOUT, STDERR):
            self.selector.register(self._outputs[channel], selectors.EVENT_READ, lambda channel=channel: self._pass(channel))
        self._tell_zygote({'op': 'opened', 'id': 'sandbox'})
        self.say(answer=self._spawning, value=None)

    # -- what the sandbox says

    def _pass(self, channel):
        """Sends what one read gives. Returns how much that was, and 0 where nothing is there."""
        fd = self._outputs.get(channel)
        if fd is None:
            return 0
        try:
            content = os.read(fd, _CHUNK)
        except BlockingIOError:
            return 0
        if content:
            self._send(channel, content)
            return len(content)
        self.selector.unregister(fd)
        os.close(fd)
        del self._outputs[channel]
        return 0

    def _drain(self, channel):
        left = _CAPACITY
        while left > 0 and (count := self._pass(channel)):
            left -= count

    def _hear_claims(self):
        for channel in (STDOUT, STDERR):
            self._drain(channel)
        self._pass(CLAIMS)

    def _do_flush(self):
        self._hear_claims()
        for channel in (CLAIMS, STDOUT, STDERR):
            self._drain(channel)

    # -- pipes for much data

    def _do_bulk(self, fds):
        saved, given = (
            os.open(f'/proc/{self._pid}/fd/{fd}', mode | os.O_NONBLOCK | os.O_CLOEXEC)
            for fd, mode in zip(fds, (os.O_RDONLY, os.O_WRONLY), strict=True)
        )
        self._saved = saved
        self._writers[GIVEN] = Writer(self, GIVEN, given)

    def _do_drop(self):
        self._writers[GIVEN].drop()

    def _do_grant(self, bytes):
        if self._granted == 0 and bytes > 0:
            self.selector.register(self._saved, selectors.EVENT_READ, self._pass_saved)
        self._granted += bytes

    def _pass_saved(self):
        try:
            content = os.read(self._saved, min(_CHUNK, self._granted))
        except BlockingIOError:
            return
        self._granted -= len(content)
        if content:
            self._send(SAVED, content)
        if self._granted == 0 or not content:
            self._granted = 0
            self.selector.unregister(self._saved)

    def _do_discard(self):
        """Ends what was granted, and drops what lies in the pipe."""
        if self._granted:
            self._granted = 0
            self.selector.unregister(self._saved)
        left = _CAPACITY
        try:
            while left > 0 and (content := os.read(self._saved, _CHUNK)):
                left -= len(content)
        except BlockingIOError:
            pass

    # -- freezing and use

    def _do_freeze(self):
        _group_write(self._group, 'cgroup.freeze', 1)
        deadline = time.monotonic() + 5
        while _group_read(self._group, 'cgroup.events').get('frozen') != '1' and time.monotonic() < deadline:
            time.sleep(0.001)
        self._do_flush()

    def _do_thaw(self):
        _group_write(self._group, 'cgroup.freeze', 0)

    def _do_usage(self):
        kills = int(_group_read(self._group, 'memory.events').get('oom_kill', 0))
        return {'kills': kills, 'peak': self._peak()}

    def _peak(self):
        fd = os.open('memory.peak', os.O_RDONLY, dir_fd=self._group)
        try:
            return int(os.read(fd, 64))
        finally:
            os.close(fd)

    # -- the workspace

    def _do_workspace(self):
        self._workspace = files.Workspace(self._pid)

    def _do_list(self, entries, depth, caches):
        found = []
        for kind, *values in self._workspace.walk(entries, depth, caches):
            if values:
                values[0] = base64.b64encode(values[0]).decode()
            found.append([kind, *values])
            if len(found) == _LISTED:
                self.say(answer=self._asked, value=found, more=True)
                found = []
        return found

    def _do_open(self, handle, path):
        return self._workspace.open(handle, path.encode())

    def _do_read(self, handle, at, bytes):
        """The content comes before the answer, in one frame."""
        self._send(CONTENT, self._workspace.read(handle, at, min(bytes, _CAPACITY)))

    def _do_close(self, handle):
        self._workspace.close(handle)


def main():
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        Relay().run()
    except BaseException as error:
        print(f'microvm: {type(error).__name__}: {error}', file=sys.stderr, flush=True)
        raise
