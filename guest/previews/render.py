"""The forms of a document: HTML, text and the summary, each within a number of bytes."""

import html
import json

from . import sanitise
from .document import plain
from .images import data_url

_STYLE = """:root{color-scheme:light}body{margin:0;padding:12px;font:14px/1.5 system-ui,sans-serif;color:#1d1c19;background:#fff;overflow-wrap:anywhere}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}th,td{padding:3px 10px;border-bottom:1px solid #dedbd2;text-align:left;vertical-align:top}
th small{display:block;font-weight:400;color:#5d5a51}td.n{text-align:right}pre{white-space:pre-wrap;font:13px/1.45 ui-monospace,monospace}
img{max-width:100%;height:auto}.m{color:#5d5a51}.k{color:#0a665a}.s{color:#8a3b12}.c{color:#5d5a51;font-style:italic}"""
_MISSING = '<p class="m">The rest is not shown.</p>'


def as_json(document, most):
    found = document.summary()
    while True:
        data = json.dumps(found, ensure_ascii=True, allow_nan=False).encode()
        if len(data) <= most or not _shortened(found):
            return data


def _shortened(found):
    """Leaves out half of the longest list; False: there is none."""
    lists = [(name, value) for name, value in found.items() if isinstance(value, list) and len(value) > 1]
    lists += [('columns', table['columns']) for table in found.get('tables', []) if len(table['columns']) > 1]
    if not lists:
        return False
    _, longest = max(lists, key=lambda each: len(json.dumps(each[1])))
    del longest[len(longest) // 2 :]
    found['truncated'] = True
    return True


def as_text(document, most):
    out, size = [], 0
    for piece in _texts(document):
        size += len(piece.encode('utf-8', 'replace')) + 2
        if size > most:
            out.append(piece.encode('utf-8', 'replace')[: max(0, most - size)].decode('utf-8', 'ignore'))
            break
        out.append(piece)
    return '\n\n'.join(out).encode('utf-8', 'replace')[:most].decode('utf-8', 'ignore').encode()


def _texts(document):
    for part in document.parts:
        if part.kind == 'table':
            yield _table_text(part.table)
        elif part.kind == 'html':
            yield part.data.decode('utf-8', 'replace') or sanitise.text_of(part.text)
        elif part.kind == 'heading':
            yield '## ' + plain(part.text)
        elif part.text:
            yield plain(part.text)


def _table_text(table):
    rows = '' if table.total is None else f'{table.total} rows, '
    head = f'{table.name + ": " if table.name else ""}{rows}{table.column_count} columns'
    lines = ['\t'.join(column.name for column in table.columns)]
    lines += ['\t'.join(value.replace('\t', ' ').replace('\n', ' ') for value in row) for row in table.rows]
    return head + '\n' + '\n'.join(lines)


def as_html(document, most):
    title = html.escape(document.facts.get('title') or 'Preview')
    head = f'<!doctype html><html><head><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style></head><body>'
    foot = '</body></html>'
    room = most - len(head.encode()) - len(foot) - len(_MISSING)
    out = [head]
    for part in document.parts:
        piece, is_cut = _part_html(part, room)
        size = len(piece.encode('utf-8', 'replace'))
        if size <= room:
            out.append(piece)
            room -= size
        if is_cut or size > room + size:
            out.append(_MISSING)
            break
    return ''.join([*out, foot]).encode('utf-8', 'replace')


def _part_html(part, room):
    """(HTML of at most so many bytes, whether something is missing)."""
    if part.kind == 'html':
        return sanitise.clean(part.text, room)
    if part.kind == 'image':
        found = f'<p><img src="{data_url(part.data)}" alt=""></p>'
        return ('', True) if len(found) > room else (found, False)
    if part.kind == 'heading':
        return _fitting(f'<h{part.level}>{html.escape(plain(part.text))}</h{part.level}>', room)
    if part.kind == 'table':
        return _table_html(part.table, room)
    text = plain(part.text)
    # Markup needs room of its own.
    most = max(0, room // 6)
    if part.kind == 'code' and len(text) < 300_000:
        found = f'<pre>{_highlighted(text, part.language)}</pre>'
        if len(found.encode('utf-8', 'replace')) <= room:
            return found, False
    return f'<pre>{html.escape(text[:most])}</pre>' if most > 20 else '', len(text) > most


def _fitting(found, room):
    return (found, False) if len(found.encode('utf-8', 'replace')) <= room else ('', True)


def _highlighted(text, language):
    try:
        from pygments import lex
        from pygments.lexers import get_lexer_by_name
        from pygments.token import Comment, Keyword, String
        from pygments.util import ClassNotFound
    except ImportError:
        return html.escape(text)
    try:
        lexer = get_lexer_by_name(language.lower())
    except ClassNotFound:
        return html.escape(text)
    out = []
    for kind, value in lex(text, lexer):
        name = 'c' if kind in Comment else 'k' if kind in Keyword else 's' if kind in String else ''
        out.append(f'<span class="{name}">{html.escape(value)}</span>' if name else html.escape(value))
    return ''.join(out)


def _table_html(table, room):
    about = '' if table.total is None else f'{table.total} rows · '
    head = f'<h3>{html.escape(table.name)}</h3>' if table.name else ''
    head += f'<p class="m">{about}{table.column_count} columns</p><table><thead><tr>'
    head += ''.join(f'<th>{html.escape(column.name)}<small>{html.escape(column.type)}</small></th>' for column in table.columns)
    head += '</tr></thead><tbody>'
    size = len(head.encode('utf-8', 'replace')) + 20
    if size > room:
        return '', True
    out, is_cut = [head], False
    for row in table.rows:
        cells = ''.join(_cell(table, index, value) for index, value in enumerate(row))
        size += len(cells.encode('utf-8', 'replace')) + 9
        if size > room:
            is_cut = True
            break
        out.append(f'<tr>{cells}</tr>')
    out.append('</tbody></table>')
    is_cut = is_cut or (table.total or 0) > table.offset + len(table.rows) or table.column_count > len(table.columns)
    return ''.join(out), is_cut


def _cell(table, index, value):
    is_number = index < len(table.columns) and table.columns[index].type in ('whole', 'number')
    return f'<td class="n">{html.escape(value)}</td>' if is_number else f'<td>{html.escape(value)}</td>'
