"""The supervisor's side of the process that works with files (file_process.py): starts it at the first order, passes orders to it and
its answers on. Where that process ends, what it had not answered has failed, and the next order starts another."""

import json
import os
import select
import signal
import struct

from . import file_process, frames, kernel_link

# Its largest answer is far below this.
_MOST_BYTES = 1 << 20
_CHUNK = 1 << 16


class FileLink:
    def __init__(self, poller, kernels, tell):
        """`tell(bytes)` sends frames to the service."""
        self._poller = poller
        self._kernels = kernels
        self._tell = tell
        self._pid = None
        self._orders = self._answers = None
        self._to_send = bytearray()
        self._heard = bytearray()
        self._open = set()  # numbers of orders without an answer

    def obey(self, frame, content):
        if frame['do'] == 'end':
            self._kill()
            return
        number = frame['id']
        self._open.add(number)
        if self._pid is None:
            try:
                self._start()
            except OSError as error:
                self._fail(number, error.strerror)
                return
        order = {key: value for key, value in frame.items() if key != 'op'}
        body = json.dumps(order).encode()
        self._to_send += struct.pack('>I', len(body)) + body + content
        self._send()

    def leave(self):
        """Nobody waits for answers any more."""
        self._open.clear()
        if self._pid is not None:
            self._kill()
            self._close()

    def serve(self, ready):
        """`ready`: descriptor -> events."""
        if self._orders in ready:
            self._send()
        if self._answers in ready:
            self._hear()

    def ended(self, pid):
        """A process was reaped; whether it was this one."""
        if pid != self._pid:
            return False
        self._hear()
        self._close()
        for number in sorted(self._open):
            self._fail(number, 'the process that works with files was ended')
        self._open.clear()
        return True

    def _start(self):
        orders, self._orders = os.pipe2(os.O_CLOEXEC)
        self._answers, answers = os.pipe2(os.O_CLOEXEC)
        try:
            self._pid = self._kernels.fork(lambda: _become(orders, answers))
        except OSError:
            self._close()
            raise
        finally:
            os.close(orders)
            os.close(answers)
        os.set_blocking(self._orders, False)
        os.set_blocking(self._answers, False)
        self._poller.register(self._answers, select.POLLIN)

    def _send(self):
        while self._to_send:
            try:
                count = os.write(self._orders, memoryview(self._to_send)[:_CHUNK])
            except BlockingIOError:
                self._poller.register(self._orders, select.POLLOUT)
                return
            except OSError:
                self._to_send.clear()  # It is dead, and about to be reaped.
                break
            del self._to_send[:count]
        self._unwatch(self._orders)

    def _hear(self):
        try:
            content = os.read(self._answers, _CHUNK)
        except BlockingIOError:
            return
        if not content:
            self._unwatch(self._answers)
            self._kill()
            return
        self._heard += content
        while len(self._heard) >= 8:
            head, number = struct.unpack_from('>II', self._heard)
            size = 4 + (head & ~(frames.ASIDE | frames.DATA))
            if size > _MOST_BYTES:
                self._kill()
                return
            if len(self._heard) < size:
                return
            frame = bytes(self._heard[:size])
            del self._heard[:size]
            self._open.discard(number if head & frames.DATA else json.loads(frame[4:])['id'])
            self._tell(frame)

    def _fail(self, number, message):
        self._tell(frames.aside({'aside': 'failed', 'id': number, 'errno': 'EIO', 'message': message}))

    def _kill(self):
        if self._pid is not None:
            try:
                os.kill(self._pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def _unwatch(self, fd):
        try:
            self._poller.unregister(fd)
        except KeyError:
            pass  # It was not watched.

    def _close(self):
        for fd in (self._orders, self._answers):
            self._unwatch(fd)
            os.close(fd)
        self._pid = self._orders = self._answers = None
        self._to_send.clear()
        self._heard.clear()


def _become(orders, answers):
    orders, answers = kernel_link.keep_only(orders, answers)
    os.setpgid(0, 0)
    file_process.FileProcess(orders, answers).serve()
    os._exit(0)
