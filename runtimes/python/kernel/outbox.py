"""What a kernel tells the service: results, displays and errors, each within bounds and as one whole frame."""

import base64
import binascii
import json
import os
import select
import signal
import sys
import threading

from dragoman_guest.agent import frames, kernel_link
from . import charts

MAX_DISPLAYS = 200
# All that one cell may show; the service gives up a sandbox that says more.
_MAX_CELL_BYTES = 30 << 20
# What is replaced or taken back later: so much of it goes out as it comes, then only how things stand at the end of the cell.
_MAX_REPLACED = 500
_MAX_REPLACED_BYTES = 6 << 20
_MAX_HELD_BYTES = 5 << 20
_MAX_NAME = 100
_MAX_TEXT_BYTES = 1 << 20
_MAX_FORM_BYTES = 8 << 20
_MAX_FORMS = 16
_MAX_ERRORS = 20
# In all JSON forms of a cell: each value costs the service memory, however short it is. It counts as well, and to a bit more.
_MAX_VALUES = 400_000
_MAX_DEPTH = 50
# For the service to say that it has what was shown; longer, and the order of things is lost, but not the cell.
_MAX_WAIT_MS = 10_000
_HEAD = 2000
_MAX_METADATA = 60_000
_OURS = 'application/vnd.dragoman.'
_WORKSPACE = '/mnt/data'
_ENDINGS = {
    'text/plain': 'txt',
    'text/html': 'html',
    'text/markdown': 'md',
    'text/latex': 'tex',
    'image/png': 'png',
    'image/jpeg': 'jpg',
    'image/svg+xml': 'svg',
    'application/pdf': 'pdf',
}


class Outbox:
    def __init__(self, events, orders=None):
        """`orders` is where the service says what it has seen; without it nothing waits for that."""
        self._events = events
        self._orders = orders
        self._marks = self._seen = 0
        # Our own forms are left out.
        self.is_plain = False
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self.begin(None)

    def begin(self, cell):
        """A new cell, by the name the supervisor gave it."""
        self._cell = cell
        self._shown = 0
        self._bytes = 0
        self._values = 0
        self._full = False
        self._replaced = 0
        self._replaced_bytes = 0
        # What is told at the end: whether everything before is taken back, displays after that, and updates by name.
        self._held_clear = False
        self._held = []
        self._held_updates = {}
        self._files = 0
        self._errors = 0
        self.failed = False

    def show(self, kind, forms, name=None, is_update=False, metadata=None):
        """Sends one display or result: `forms` by MIME type, text, bytes or JSON. What is too large goes into a file.
        A display may have a name, by which it is replaced later."""
        if os.getpid() != self._pid:
            # A fork of the user's has no part in the conversation, but it has the streams.
            print(forms.get('text/plain', ''))
            return
        name = name[:_MAX_NAME] if isinstance(name, str) else None
        if is_update and name is not None:
            self._update(name, forms, metadata)
            return
        if self._full:
            return
        bundle = self._encode(forms, not self._held_clear)
        size = _size(bundle)
        most = _MAX_HELD_BYTES if self._held_clear else _MAX_CELL_BYTES
        if self._shown >= MAX_DISPLAYS or self._bytes + size > most:
            self._full = True
            limit = f'{MAX_DISPLAYS} displays' if self._shown >= MAX_DISPLAYS else f'{most >> 20} MiB of displays'
            print(f'[more than {limit} in one cell: the rest is left out]', file=sys.stderr)
            return
        if not bundle:
            return
        self._shown += 1
        self._bytes += size
        if self._held_clear:
            # It goes without what is said about its forms.
            self._held.append((kind, bundle, name))
        else:
            self._post(_event(kind, bundle, name, mark=self._mark(), metadata=metadata))

    def settle(self):
        """Before something is printed: waits until the service has what was shown before it, which goes another way."""
        if self._seen == self._marks or self._orders is None or os.getpid() != self._pid:
            return
        # Another thread may outlive the cell, and the next order is not its to read.
        if threading.current_thread() is not threading.main_thread():
            return
        poller = select.poll()
        poller.register(self._orders, select.POLLIN)
        while self._seen < self._marks:
            if not poller.poll(_MAX_WAIT_MS):
                self._seen = self._marks
                return
            with _Uninterrupted():
                try:
                    self._seen = max(self._seen, kernel_link.receive(self._orders).get('seen', 0))
                except frames.Closed:
                    self._seen = self._marks

    def _mark(self):
        self._marks += 1
        return self._marks

    def clear(self, wait):
        """Takes back what the cell has shown, at once or when it shows something else."""
        if os.getpid() != self._pid:
            return
        self._replace(1 + self._shown, self._bytes)
        self._shown = self._bytes = 0
        self._full = False
        self._held_updates = {}
        if self._is_replacing_too_much():
            self._held_clear, self._held = True, []
        else:
            self._post(json.dumps({'event': 'clear', 'wait': bool(wait)}))

    def _update(self, name, forms, metadata):
        bundle = self._encode(forms, False)
        if not bundle:
            return
        self._replace(1, _size(bundle))
        if not self._held_clear and not self._is_replacing_too_much():
            self._post(_event('display', bundle, name, True, self._mark(), metadata))
            return
        updates = {**self._held_updates, name: bundle}
        if sum(map(_size, updates.values())) <= _MAX_HELD_BYTES and len(updates) <= MAX_DISPLAYS:
            self._held_updates = updates

    def _replace(self, count, size):
        self._replaced += count
        self._replaced_bytes += size

    def _is_replacing_too_much(self):
        return self._replaced > _MAX_REPLACED or self._replaced_bytes > _MAX_REPLACED_BYTES

    def error(self, name, value, traceback):
        """Says that the cell failed: what an exception is called, what it says, and the lines a terminal would show. False: too often."""
        self.failed = True
        self._errors += 1
        if os.getpid() == self._pid and self._errors <= _MAX_ERRORS:
            error = {'name': name, 'value': value, 'traceback': traceback}
            self._post(json.dumps({'event': 'error', 'error': error}))
            return True
        return False

    def expressions(self, values):
        """Says what expressions came to that were asked for with the cell."""
        text = to_json(values)
        if os.getpid() == self._pid and len(text) <= _MAX_TEXT_BYTES:
            self._post(f'{{"event":"expressions","values":{text}}}')

    def done(self, code):
        # What is left of them comes before the next order, which is not read here.
        self._seen = self._marks
        if self._held_clear:
            self._post(json.dumps({'event': 'clear', 'wait': False}))
        for kind, bundle, name in self._held:
            self._post(_event(kind, bundle, name))
        for name, bundle in self._held_updates.items():
            self._post(_event('display', bundle, name, True))
        self._post(json.dumps({'event': 'done', 'code': code, 'cell': self._cell}))

    def _encode(self, forms, may_spill=True):
        """The forms as JSON text by MIME type, without those that are too large: these are written to files and named."""
        bundle, notes = {}, []
        for mime, value in list(forms.items())[:_MAX_FORMS]:
            if not isinstance(mime, str) or value is None or (self.is_plain and mime.startswith(_OURS)):
                continue
            if isinstance(value, (bytes, bytearray, memoryview)):
                value = base64.b64encode(value).decode()
            if mime.endswith('json'):
                text = to_json(value)
            elif isinstance(value, str):
                text = json.dumps(value)
            else:
                continue
            values = sum(map(text.count, ',[{')) if mime.endswith('json') else 0
            is_short = len(text) <= (_MAX_TEXT_BYTES if mime.startswith('text/') else _MAX_FORM_BYTES)
            if is_short and self._values + values <= _MAX_VALUES:
                self._values += values
                bundle[mime] = text
                continue
            # The image of a chart stands for itself.
            if may_spill and mime != charts.MIME:
                notes.append(self._spill(mime, text if mime.endswith('json') else value))
            if mime == 'text/plain':
                bundle[mime] = json.dumps(value[:_HEAD] + ' …')
        if notes:
            plain = json.loads(bundle['text/plain']) + '\n' if 'text/plain' in bundle else ''
            bundle['text/plain'] = json.dumps(plain + '\n'.join(notes))
        return bundle

    def _spill(self, mime, value):
        """Writes a form that is too large to send into the workspace; returns a sentence that says where it is."""
        try:
            content = base64.b64decode(value) if mime.startswith('image/') and mime != 'image/svg+xml' else None
        except binascii.Error:
            content = None
        if content is None:
            content = value.encode('utf-8', 'surrogatepass')
        what = f'{mime} of {len(content) / (1 << 20):.1f} MiB'
        try:
            path, fd = self._new_file(_ENDINGS.get(mime, 'json' if mime.endswith('json') else 'bin'))
            with open(fd, 'wb') as file:
                file.write(content)
        except OSError as error:
            return f'[{what}: too large to show, and not written: {error.strerror}]'
        return f'[{what}: too large to show, written to {os.path.basename(path)}]'

    def _new_file(self, ending):
        while True:
            self._files += 1
            path = f'{_WORKSPACE}/output_{self._files}.{ending}'
            try:
                return path, os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
            except FileExistsError:
                if self._files > 10_000:
                    raise

    def _post(self, text):
        """Writes one frame as a whole: an interrupt comes before or after it, never in its midst."""
        # The streams go another way: what was printed before must arrive before.
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                pass
        with self._lock, _Uninterrupted():
            kernel_link.send_text(self._events, text)


def _event(kind, bundle, name, is_update=False, mark=None, metadata=None):
    body = ','.join(f'{json.dumps(mime)}:{text}' for mime, text in bundle.items())
    named = '' if name is None else f',"name":{json.dumps(name)},"update":{json.dumps(is_update)}'
    marked = '' if mark is None else f',"mark":{mark}'
    about = to_json(metadata) if metadata else ''
    described = f',"metadata":{about}' if 0 < len(about) <= _MAX_METADATA else ''
    return f'{{"event":"{kind}"{named}{marked}{described},"bundle":{{{body}}}}}'


def _size(bundle):
    return sum(map(len, bundle.values()))


class _Uninterrupted:
    """Holds SIGINT back. Only the main thread is ever interrupted, and only it may set handlers."""

    def __enter__(self):
        self._pending = False
        self._is_main = threading.current_thread() is threading.main_thread()
        if self._is_main:
            self._handler = signal.signal(signal.SIGINT, self._defer)

    def _defer(self, *_):
        self._pending = True

    def __exit__(self, *_):
        if not self._is_main:
            return
        signal.signal(signal.SIGINT, self._handler)
        if self._pending and callable(self._handler):
            self._handler(signal.SIGINT, None)


def to_json(value):
    """JSON text of anything: what JSON cannot say is said in words, and numbers that are none become null."""
    try:
        if not _is_deep(value, _MAX_DEPTH):
            return json.dumps(value, allow_nan=False)
    except Exception:
        pass
    return json.dumps(_plain(value, 0), allow_nan=False)


def _is_deep(value, left):
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        return False
    return left == 0 or any(_is_deep(item, left - 1) for item in value)


def _plain(value, depth):
    if depth > _MAX_DEPTH:
        return '…'
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, dict):
        return {str(key): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item, depth + 1) for item in value]
    if hasattr(value, 'tolist'):
        return _plain(value.tolist(), depth + 1)
    return str(value)
