"""What a kernel says about code that is being written. Nothing of the code runs."""

import itertools
import warnings

from . import variables

_TYPE = 'application/vnd.dragoman.answer+json'
_MAX_MATCHES = 200
_MAX_TEXT = 500
_MAX_DOCUMENTATION = 8000


def answer(shell, question, code):
    """Shows the answer to a question as the result; returns the exit code. A question that fails has no answer."""
    shell.outbox.is_plain = False
    try:
        found = _found(shell, question, code)
    except Exception:
        return 1
    shell.outbox.show('result', {_TYPE: found})
    return 0


def _found(shell, question, code):
    match question['kind']:
        case 'complete':
            return _complete(shell, code, question['cursor'])
        case 'inspect':
            return _inspect(shell, code, question['cursor'])
        case 'variables':
            return {'variables': list(variables.listed(shell))}
    return _is_complete(shell, code)


def _inspect(shell, code, cursor):
    from IPython.utils.tokenutil import token_at_cursor

    name = token_at_cursor(code, max(0, min(cursor, len(code))))
    info = shell.object_inspect(name) if name else {'found': False}
    if not info['found']:
        return {'signature': '', 'documentation': ''}
    signature = info.get('definition') or info.get('init_definition') or info.get('type_name') or ''
    documentation = info.get('docstring') or info.get('init_docstring') or ''
    return {'signature': signature[:_MAX_DOCUMENTATION], 'documentation': documentation[:_MAX_DOCUMENTATION]}


def _complete(shell, code, cursor):
    from IPython.core.completer import provisionalcompleter

    cursor = max(0, min(cursor, len(code)))
    with provisionalcompleter(), warnings.catch_warnings():
        warnings.simplefilter('ignore')
        found = list(itertools.islice(shell.Completer.completions(code, cursor), _MAX_MATCHES))
    found = [match for match in found if len(match.text) <= _MAX_TEXT]
    if not found:
        return {'matches': [], 'start': cursor, 'end': cursor}
    # They may begin at different places; one answer has one.
    start, end = min(match.start for match in found), max(match.end for match in found)
    texts = [code[start : match.start] + match.text + code[match.end : end] for match in found]
    return {'matches': list(dict.fromkeys(texts)), 'start': start, 'end': end}


def _is_complete(shell, code):
    status, indent = shell.input_transformer_manager.check_complete(code)
    return {'status': status, 'indent': ' ' * (indent or 0)}
