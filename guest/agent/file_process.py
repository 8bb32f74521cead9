"""The process that works with files for the service: a child of the supervisor, which could be kept waiting by what lies at a path.

Orders come as frames {id,do,…} with `size` raw bytes after those that have a size; each is answered in its turn by one frame beside
cells: answer {id,value}, failed {id,errno,message}, or, to `read`, a data frame of stream 3. A watch's `changes` is answered once
there are some.

It is as undumpable as the supervisor and holds no pipe but its own two, so a path such as /proc/self leads to nothing.
"""

import errno
import os
import select

from . import file_operations, file_watch, frames

_FILE_STREAM = 3


class FileProcess:
    def __init__(self, orders, answers):
        self._orders = orders
        self._answers = answers
        self._handles = file_operations.Handles()
        self._watches = file_watch.Watches()

    def serve(self):
        """Returns when the supervisor is gone."""
        poller = select.poll()
        poller.register(self._orders, select.POLLIN)
        while True:
            ready = poller.poll(self._watches.look_in())
            if ready:
                try:
                    order = frames.read_frame(self._orders)
                    content = frames.read_exactly(self._orders, order.get('size', 0))
                except frames.Closed:
                    return
                self._obey(order, content)
            self._tell_changes()

    def _obey(self, order, content):
        number = order['id']
        try:
            value = self._do(order, content)
        except (OSError, ValueError, RecursionError, MemoryError) as error:
            name = errno.errorcode.get(getattr(error, 'errno', None) or 0, 'EINVAL')
            message = (getattr(error, 'strerror', None) or str(error) or type(error).__name__)[:300]
            self._send(frames.aside({'aside': 'failed', 'id': number, 'errno': name, 'message': message}))
            return
        if isinstance(value, bytes):
            self._send(frames.data(number, _FILE_STREAM, value))
        elif value is not None:
            self._answer(number, value)

    def _do(self, order, content):
        number, handle = order['id'], order.get('handle')
        match order['do']:
            case 'stat':
                return file_operations.entry(order['path'])
            case 'list':
                self._handles.add(number, file_operations.Lister(order['path'], order['depth'], order['most']))
                return {}
            case 'next':
                return self._handles.get(handle).next()
            case 'make':
                return file_operations.make_directory(order['path'])
            case 'move':
                return file_operations.move(order['path'], order['to'])
            case 'remove':
                file_operations.remove(order['path'])
                return {}
            case 'open':
                reader = self._handles.add(number, file_operations.Reader(order['path']))
                return {'size': reader.size, 'entry': file_operations.entry(order['path'])}
            case 'read':
                return self._handles.get(handle).read(order['at'], order['bytes'])
            case 'create':
                self._handles.add(number, file_operations.Writer(order['path'], order['mode']))
                return {}
            case 'write':
                self._handles.get(handle).write(content)
                return {}
            case 'commit':
                path = self._handles.get(handle).commit()
                self._handles.close(handle)
                return file_operations.entry(path)
            case 'close':
                self._handles.close(handle)
                self._watches.end(handle)
                return {}
            case 'watch':
                self._watches.add(number, order['path'], order['recursive'])
                return {}
            case 'look':
                self._watches.look()
                self._tell_changes()
                return {}
            case 'changes':
                self._watches.ask(handle, number)
                return None
        raise ValueError('an unknown operation')

    def _tell_changes(self):
        for number, changes in self._watches.due():
            self._answer(number, changes)

    def _answer(self, number, value):
        self._send(frames.aside({'aside': 'answer', 'id': number, 'value': value}))

    def _send(self, content):
        frames.write_all(self._answers, content)
