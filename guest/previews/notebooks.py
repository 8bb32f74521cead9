"""Jupyter notebooks."""

import json

from . import documents, sanitise
from .document import Document, Part, Refused, clip
from .images import data_url

_MOST_CELLS = 500
_MOST_OUTPUT = 20_000


def read(request):
    try:
        with open(request.path, encoding='utf-8', errors='replace') as file:
            notebook = json.load(file)
    except (ValueError, RecursionError):
        raise Refused('corrupt') from None
    cells = notebook.get('cells') if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise Refused('corrupt')
    cells = [cell for cell in cells if isinstance(cell, dict)]
    metadata = notebook.get('metadata') if isinstance(notebook.get('metadata'), dict) else {}
    language = _of(metadata, 'language_info', 'name') or _of(metadata, 'kernelspec', 'language') or 'python'
    parts, outline = [], []
    for cell in cells[:_MOST_CELLS]:
        source = joined(cell.get('source'))
        if cell.get('cell_type') == 'markdown':
            html = documents.markdown_html(source)
            parts.append(Part('html', html, data=source.encode('utf-8', 'replace')))
            outline += [clip(text, 100) for text in sanitise.read(html)[1]]
        elif source.strip():
            parts.append(Part('code', source, language=str(language)))
        outputs = cell.get('outputs')
        for output in outputs[:50] if isinstance(outputs, list) else []:
            parts += _output(output if isinstance(output, dict) else {})
    kinds = [cell.get('cell_type') for cell in cells]
    facts = {
        'title': outline[0] if outline else '',
        'cells': len(cells),
        'language': clip(str(language), 40),
        'outline': outline[:50],
    }
    details = {'code cells': kinds.count('code'), 'with errors': _errors(cells) or None}
    return Document('notebook', facts, parts, details)


def joined(source):
    if isinstance(source, list):
        return ''.join(line for line in source if isinstance(line, str))
    return source if isinstance(source, str) else ''


def _of(found, *names):
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, str) else None


def _errors(cells):
    outputs = (output for cell in cells for output in (cell.get('outputs') or []) if isinstance(cell.get('outputs'), list))
    return sum(1 for output in outputs if isinstance(output, dict) and output.get('output_type') == 'error')


def _output(output):
    kind = output.get('output_type')
    if kind == 'stream':
        return [Part('text', joined(output.get('text'))[:_MOST_OUTPUT])]
    if kind == 'error':
        return [Part('text', f'{output.get("ename")}: {output.get("evalue")}'[:_MOST_OUTPUT])]
    bundle = output.get('data') if isinstance(output.get('data'), dict) else {}
    text = joined(bundle.get('text/plain'))[:_MOST_OUTPUT]
    png = joined(bundle.get('image/png'))
    if png:
        import base64

        try:
            data = base64.b64decode(png)
        except ValueError:
            data = b''
        if data.startswith(b'\x89PNG'):
            return [Part('html', f'<img src="{data_url(data)}" alt="figure">', data=text.encode())]
    html = joined(bundle.get('text/html'))
    if html:
        return [Part('html', html, data=text.encode('utf-8', 'replace'))]
    return [Part('text', text)] if text else []
