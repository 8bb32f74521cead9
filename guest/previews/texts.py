"""Code, JSON, other text, and bytes that are none."""

import json
import os
import shutil
import subprocess

from . import separated
from .document import Document, Part, Refused, clip

# Text of which more is not shown.
_MOST_TEXT = 2 << 20


def read_text(request):
    text, encoding = separated.read_text(request.path, _MOST_TEXT)
    lines = _count_lines(request.path)
    language = _language(request)
    facts = {'lines': lines, 'language': language, 'excerpt': clip(text, 400) if language is None else None}
    kind = 'code' if language else 'text'
    part = Part('code', text, language=language or '') if language else Part('text', text)
    return Document(kind, facts, [part], {'encoding': encoding if encoding != 'utf-8' else None})


def _count_lines(path):
    count, last = 0, b'\n'
    with open(path, 'rb') as file:
        while data := file.read(1 << 20):
            count += data.count(b'\n')
            last = data[-1:]
    return count + (last != b'\n')


def _language(request):
    """A name of Pygments; None for prose and for what it does not know."""
    if request.extension in ('', 'txt', 'log', 'text'):
        return None
    try:
        # Its public functions look through every installed package for more languages, which takes half a second.
        from pygments.lexers._mapping import LEXERS
    except ImportError:
        return request.extension
    wanted = f'*.{request.extension}'
    found = [name for _, name, _, patterns, _ in LEXERS.values() if wanted in patterns]
    # Several languages may have an ending: the plainest name is the usual one.
    return min(found, key=lambda name: (len(name), name), default=None)


def read_json(request):
    size = os.path.getsize(request.path)
    text, _ = separated.read_text(request.path)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        if size > 50_000_000:
            raise Refused('too_large') from None
        return read_text(request)
    facts, parts, tables = {'shape': clip(_shape(value), 400)}, [], []
    records = value if isinstance(value, list) else None
    if records and all(isinstance(record, dict) for record in records[:1000]):
        names = dict.fromkeys(name for record in records[:1000] for name in record)
        shown = [record if isinstance(record, dict) else {} for record in records[: request.offset + 1000]]
        tables = [separated.of_records('', shown, list(names), len(records), request.offset)]
        parts = [Part('table', table=tables[0])]
    else:
        parts = [Part('code', json.dumps(value, indent=2, ensure_ascii=False)[:_MOST_TEXT], language='JSON')]
    return Document('json', facts, parts, {}, tables)


def _shape(value, depth=0):
    """What is in a value, in words of TypeScript."""
    if isinstance(value, dict):
        if depth == 3:
            return '{…}'
        inside = [f'{clip(str(name), 40)}: {_shape(each, depth + 1)}' for name, each in list(value.items())[:20]]
        return '{' + ', '.join(inside + (['…'] if len(value) > 20 else [])) + '}'
    if isinstance(value, list):
        return f'{len(value)} × {_shape(value[0], depth + 1)}' if value else '[]'
    if isinstance(value, bool):
        return 'boolean'
    if value is None:
        return 'null'
    return 'string' if isinstance(value, str) else 'number'


def read_bytes(request):
    """What no reader knows: what kind of data it is, and its first bytes."""
    with open(request.path, 'rb') as file:
        data = file.read(4096)
    lines = []
    for start in range(0, len(data), 16):
        row = data[start : start + 16]
        letters = ''.join(chr(byte) if 32 <= byte < 127 else '.' for byte in row)
        lines.append(f'{start:08x}  {row.hex(" "):47}  {letters}')
    details = {'data': _kind(request.path)}
    return Document('binary', {}, [Part('code', '\n'.join(lines) or 'This file is empty.')], details, [], _no_picture)


def _no_picture():
    raise Refused('unsupported')


def _kind(path):
    if not shutil.which('file'):
        return None
    done = subprocess.run(['file', '-b', '-S', path], capture_output=True, timeout=5, check=False, stdin=subprocess.DEVNULL)
    return clip(done.stdout.decode('utf-8', 'replace'), 200)
