"""Views and edits one file of the workspace. Reads {command, path, …} as JSON from stdin and prints one JSON object.

It runs in the sandbox like a program of the user's, so it can reach what the user's code can reach and nothing else.
"""

import json
import os
import sys

# Of one file, and of what is shown of it.
MOST_BYTES = 10 << 20
MOST_CHARACTERS = 40_000
MOST_NAMES = 500


class Refused(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def main():
    # Characters that are no text travel as they are.
    sys.stdin.reconfigure(encoding='utf-8', errors='surrogateescape')
    order = json.loads(sys.stdin.read())
    commands = {'view': view, 'create': create, 'str_replace': replace}
    try:
        result = commands[order['command']](order)
    except Refused as refusal:
        result = {'error': refusal.code, 'message': str(refusal)}
    except FileNotFoundError:
        result = {'error': 'file_not_found', 'message': 'The path does not exist.'}
    except (OSError, UnicodeError, ValueError) as error:
        result = {'error': 'invalid_tool_input', 'message': getattr(error, 'strerror', None) or str(error)}
    sys.stdout.buffer.write(json.dumps(result, ensure_ascii=False).encode('utf-8', 'replace'))


def read(path):
    # A pipe or a device would be read forever.
    if not os.path.isfile(path) and os.path.exists(path):
        raise Refused('invalid_tool_input', 'The path is not a file.')
    with open(path, 'rb') as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise Refused('invalid_tool_input', 'The file is too large to be edited here: use Bash or Python.')
    return data


def text_of(data):
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Refused('invalid_tool_input', 'The file is not text.') from None


def view(order):
    path = order['path']
    if os.path.isdir(path):
        return folder(path)
    data = read(path)
    for kind, begin in (('image', b'\x89PNG'), ('image', b'\xff\xd8\xff'), ('image', b'GIF8'), ('pdf', b'%PDF')):
        if data.startswith(begin):
            return shown(f'[{len(data)} bytes]', kind, None, None, None)
    lines = text_of(data).splitlines(keepends=True)
    first, last = bounds(order.get('view_range'), len(lines))
    return shown(''.join(lines[first - 1 : last]), 'text', last - first + 1, first, len(lines))


def bounds(given, count):
    if given is None:
        return 1, count
    first, last = given
    last = count if last == -1 else min(last, count)
    if not 1 <= first <= max(last, 1):
        raise Refused('invalid_tool_input', f'view_range must be within the {count} lines of the file.')
    return first, last


def folder(path):
    names = []
    for root, folders, files in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith('.'))
        at = os.path.relpath(root, path)
        depth = 0 if at == '.' else at.count('/') + 1
        found = [*(name + '/' for name in folders), *sorted(name for name in files if not name.startswith('.'))]
        names += [name if at == '.' else f'{at}/{name}' for name in found]
        if depth >= 1:
            folders.clear()
        if len(names) > MOST_NAMES:
            names = [*names[:MOST_NAMES], '…']
            break
    return shown('\n'.join(names), 'text', len(names), 1, len(names))


def shown(content, kind, count, start, total):
    if len(content) > MOST_CHARACTERS:
        half = MOST_CHARACTERS // 2
        left_out = len(content) - 2 * half
        content = f'{content[:half]}\n[… {left_out} characters left out: give a view_range …]\n{content[-half:]}'
    fields = {'content': content, 'file_type': kind, 'num_lines': count, 'start_line': start, 'total_lines': total}
    return {'view': fields}


def create(order):
    path, text = order['path'], order.get('file_text', '')
    is_update = os.path.exists(path)
    folders = os.path.dirname(path)
    if folders:
        os.makedirs(folders, exist_ok=True)
    write(path, text)
    return {'create': {'is_file_update': is_update}}


def write(path, text):
    with open(path, 'wb') as file:
        file.write(text.encode('utf-8', 'surrogateescape'))


def replace(order):
    path, old, new = order['path'], order.get('old_str', ''), order.get('new_str', '')
    if old == '':
        raise Refused('invalid_tool_input', 'old_str is empty.')
    before = text_of(read(path))
    times = before.count(old)
    if times != 1:
        why = 'was not found in the file' if times == 0 else f'is in the file {times} times: give more of its surroundings'
        raise Refused('invalid_tool_input', f'old_str {why}.')
    after = before.replace(old, new)
    write(path, after)
    return {'str_replace': difference(before, after, before.index(old), len(old), len(new))}


def difference(before, after, at, removed, added):
    """The hunk around the replacement, with three lines of context as in a unified diff."""
    # Loaded here alone: every call starts an interpreter.
    import difflib

    first = before.count('\n', 0, at)
    old, new = before.splitlines(), after.splitlines()
    start = max(0, first - 3)
    old_end = min(len(old), before.count('\n', 0, at + removed) + 4)
    new_end = min(len(new), after.count('\n', 0, at + added) + 4)
    hunk = list(difflib.unified_diff(old[start:old_end], new[start:new_end], n=3, lineterm=''))[3:]
    if sum(map(len, hunk)) > MOST_CHARACTERS:
        hunk = None
    place = {'old_start': start + 1, 'old_lines': old_end - start, 'new_start': start + 1, 'new_lines': new_end - start}
    return {'lines': hunk, **place}


main()
