"""Where user code calls the caller's tools: one connection a call, on the sandbox's own loopback.

A call is two lines, the tool's name and the size of its input, then the input: a JSON object. The answer is a line, `ok` or
`error` and a size, then the tool's value as JSON, or a sentence. Every language can speak this, bash without starting a process.

Any process in the sandbox may connect: it can only ask for the tools that the cell under way was given. What it sends is
bounded and otherwise opaque here; the service parses and checks it. The service is told of every call as it comes, and then when
the program can go no further without an answer, so that all it has begun travel together: when no thread of the sandbox runs any
more, nothing is left to read and nothing is on its way (the loopback delivers when the kernel has time), or after a while in any case.
"""

import os
import select
import socket
import time

ADDRESS = ('127.0.0.1', 10711)

_MAX_HEAD_BYTES = 1024
_MAX_INPUT_BYTES = 1 << 20
# Of one cell, over all its calls.
_MAX_CALLS = 1000
_MAX_INPUTS_BYTES = 10 << 20
# Of everything that waits here: calls that arrive, and answers that are not read.
_MAX_BUFFERED_BYTES = 48 << 20
_MAX_CONNECTIONS = 256
# A program that keeps computing while its calls wait is not waited for longer than so many looks: a quarter of a second, or
# longer on a busy machine, which holds up the program no less than us. But there is an end to that, too.
_MOST_LOOKS = 125
_LONGEST_WAIT_S = 1.0
# Nor is a connection that stays unused while everything sleeps.
_MOST_RESTS = 25
_FIRST_LOOK_S = 0.0002
_LATER_LOOKS_S = 0.002


class _Connection:
    def __init__(self, connected):
        self.socket = connected
        self.received = bytearray()
        self.to_send = b''
        self.call = None  # its number, once the call is complete


class ToolChannel:
    def __init__(self, poller, tell):
        """`tell(claim)` sends a claim of the cell under way: call {id,name,input} and waiting {pending}."""
        self._poller = poller
        self._tell = tell
        self._names = frozenset()
        self._connections = {}  # descriptor -> _Connection
        self._pending = {}  # number -> _Connection
        self._count = 0
        self._input_bytes = 0
        self._buffered = 0
        self._is_settled = True
        self._looks = 0
        self._rests = 0
        self._give_up_at = 0.0
        self._look_after = _FIRST_LOOK_S
        self._seen = None
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        self._listener.bind(ADDRESS)
        self._listener.listen(_MAX_CONNECTIONS)
        poller.register(self._listener, select.POLLIN)

    def open(self, names):
        """A cell begins that may call these tools."""
        self.close()
        self._names = frozenset(names)
        self._count = 0
        self._input_bytes = 0

    def close(self):
        """The cell is over: no answer is awaited any more, and no tool can be called."""
        self._names = frozenset()
        for connection in list(self._connections.values()):
            self._drop(connection)
        self._settled()

    def look_in(self):
        """Milliseconds until `settle` wants to look again, for poll; None when it waits for nothing."""
        return None if self._is_settled else 0

    def serve(self, ready):
        """Reads and writes whatever is ready. `ready`: descriptor -> events."""
        for fd, events in ready.items():
            if fd == self._listener.fileno():
                self._accept()
            elif fd in self._connections:
                connection = self._connections[fd]
                if events & select.POLLOUT:
                    self._write(connection)
                elif events & (select.POLLIN | select.POLLHUP | select.POLLERR):
                    self._read(connection)

    def answer(self, number, is_error, body):
        """Hands the answer to the caller, if it still waits."""
        connection = self._pending.pop(number, None)
        if connection is not None:
            self._reply(connection, 'error' if is_error else 'ok', body)
            self._unsettle()

    def settle(self):
        """Tells the service of the calls, once the program can go no further."""
        if self._is_settled:
            return
        if not self._pending:
            self._settled()
            return
        seen = _asleep()
        self._looks += 1
        # Asleep at two looks with nothing to read between them, and no thread ran in the meantime.
        is_at_rest = seen is not None and seen == self._seen
        if (is_at_rest and not self._is_under_way()) or self._is_patience_over():
            self._settled()
            self._tell({'claim': 'waiting', 'pending': list(self._pending)})
            return
        self._seen = seen
        if is_at_rest:
            self._rests += 1
        if is_at_rest or seen is None:
            time.sleep(self._look_after)
            self._look_after = min(2 * self._look_after, _LATER_LOOKS_S)

    def _is_under_way(self):
        """Whether the kernel still has something to deliver: a connection, half a call, or an answer that is not read yet."""
        return len(self._connections) > len(self._pending) or _are_connecting()

    def _is_patience_over(self):
        return self._looks > _MOST_LOOKS or self._rests > _MOST_RESTS or time.monotonic() > self._give_up_at

    def _settled(self):
        self._is_settled = True
        self._seen = None

    def _unsettle(self):
        self._is_settled = False
        self._seen = None
        self._look_after = _FIRST_LOOK_S
        self._looks = self._rests = 0
        self._give_up_at = time.monotonic() + _LONGEST_WAIT_S

    def _accept(self):
        while True:
            try:
                connected, _ = self._listener.accept()
            except OSError:
                return
            if len(self._connections) >= _MAX_CONNECTIONS:
                connected.close()
                continue
            connected.setblocking(False)
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections[connected.fileno()] = _Connection(connected)
            self._poller.register(connected, select.POLLIN)

    def _read(self, connection):
        self._seen = None
        try:
            part = connection.socket.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            part = b''
        # After its call is complete a connection has nothing to say but that it is gone.
        if not part or connection.call is not None:
            self._drop(connection)
            return
        connection.received += part
        self._buffered += len(part)
        if self._buffered > _MAX_BUFFERED_BYTES:
            self._drop(connection)
            return
        self._take(connection)

    def _take(self, connection):
        """Makes a call of what has arrived, once it is whole."""
        head = bytes(connection.received[:_MAX_HEAD_BYTES]).split(b'\n', 2)
        if len(head) < 3:
            if len(connection.received) >= _MAX_HEAD_BYTES:
                self._drop(connection)
            return
        name, size, _ = head
        if not size.isdigit() or len(size) > 9:
            self._drop(connection)
            return
        size = int(size)
        if size > _MAX_INPUT_BYTES:
            self._refuse(connection, f'the input is larger than {_MAX_INPUT_BYTES} bytes')
            return
        start = len(head[0]) + len(head[1]) + 2
        if len(connection.received) < start + size:
            return
        try:
            name = name.decode()
            body = bytes(connection.received[start:]).decode()
        except UnicodeDecodeError:
            self._refuse(connection, 'the call is not UTF-8')
            return
        if len(connection.received) > start + size:
            self._drop(connection)
        elif name not in self._names:
            self._refuse(connection, 'there is no such tool')
        elif self._count >= _MAX_CALLS or self._input_bytes + size > _MAX_INPUTS_BYTES:
            self._refuse(connection, 'too many tool calls, or too large ones')
        else:
            self._count += 1
            self._input_bytes += size
            connection.call = self._count
            self._pending[self._count] = connection
            self._forget_received(connection)
            self._tell({'claim': 'call', 'id': self._count, 'name': name, 'input': body})
            self._unsettle()

    def _refuse(self, connection, why):
        self._forget_received(connection)
        self._reply(connection, 'error', why.encode())

    def _reply(self, connection, status, body):
        connection.call = connection.call or 0
        connection.to_send = memoryview(b'%s %d\n%s' % (status.encode(), len(body), body))
        self._buffered += len(connection.to_send)
        if self._buffered > _MAX_BUFFERED_BYTES:
            self._drop(connection)
            return
        self._write(connection)

    def _write(self, connection):
        try:
            sent = connection.socket.send(connection.to_send)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._drop(connection)
            return
        connection.to_send = connection.to_send[sent:]
        self._buffered -= sent
        if connection.to_send:
            self._poller.modify(connection.socket, select.POLLOUT)
            return
        # It stays until he who called has taken it all and closes his end.
        self._poller.modify(connection.socket, select.POLLIN)
        try:
            connection.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(connection)

    def _forget_received(self, connection):
        self._buffered -= len(connection.received)
        connection.received = bytearray()

    def _drop(self, connection):
        fd = connection.socket.fileno()
        if self._connections.pop(fd, None) is None:
            return
        self._forget_received(connection)
        self._buffered -= len(connection.to_send)
        connection.to_send = b''
        self._poller.unregister(fd)
        connection.socket.close()
        if self._pending.get(connection.call) is connection:
            del self._pending[connection.call]
            # A caller that gave up goes on: what is left may be all that it waits for.
            self._unsettle()


def _asleep():
    """What each thread of the sandbox but our own has run so far, when all of them sleep; None when one runs."""
    own = str(os.getpid())
    seen = []
    try:
        for process in os.listdir('/proc'):
            if not process.isdigit() or process == own:
                continue
            for thread in os.listdir(f'/proc/{process}/task'):
                folder = f'/proc/{process}/task/{thread}'
                # The name before the state is the program's to choose, and may hold anything.
                state = _content(f'{folder}/stat').rpartition(b')')[2][1:2]
                if state in b'RDW':
                    return None
                seen.append((thread, _content(f'{folder}/schedstat')))
    except OSError:
        return None  # It ended while we looked, so something ran.
    return seen


def _are_connecting():
    """Whether a connection of the sandbox is begun and neither made nor refused."""
    names, values = (line.split() for line in _content('/proc/net/snmp').split(b'\n') if line.startswith(b'Tcp:'))
    counts = dict(zip(names[1:], map(int, values[1:])))
    return counts[b'ActiveOpens'] > counts[b'PassiveOpens'] + counts[b'AttemptFails']


def _content(path):
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, 4096)
    finally:
        os.close(fd)
