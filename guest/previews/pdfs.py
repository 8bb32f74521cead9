"""PDF: facts and text by poppler, or by pypdf where that is missing; pages as pictures by poppler."""

import re
import shutil
import subprocess

from . import drawing
from .document import Document, Part, Refused, clip

_PATIENCE = 10
# Pages whose text is read at once.
_MOST_PAGES = 30


def _run(*command, patience=_PATIENCE):
    try:
        done = subprocess.run(command, capture_output=True, timeout=patience, check=False, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise Refused('took_too_long') from None
    if done.returncode and b'Incorrect password' in done.stderr:
        raise Refused('encrypted')
    return done


def read(request):
    if shutil.which('pdfinfo') and shutil.which('pdftotext'):
        document = _by_poppler(request)
    else:
        document = _by_pypdf(request)
    document.draw = lambda: page_png(request.path, request.page, request.width)
    text = '\n'.join(part.text for part in document.parts if part.kind == 'text')
    if document.facts['pages'] <= _MOST_PAGES and request.page == 1:
        document.facts['words'] = len(text.split())
    document.facts['excerpt'] = clip(text, 400)
    return document


def _by_poppler(request):
    done = _run('pdfinfo', request.path)
    if done.returncode:
        raise Refused('corrupt')
    found = dict(re.findall(r'^([A-Z][\w ]{1,20}):\s*(.{1,300})$', done.stdout.decode('utf-8', 'replace'), re.M))
    pages = int(found.get('Pages', '0')) if found.get('Pages', '').isdigit() else 0
    if pages == 0:
        raise Refused('corrupt')
    first = min(request.page, pages)
    last = min(pages, first + _MOST_PAGES - 1)
    done = _run('pdftotext', '-q', '-enc', 'UTF-8', '-f', str(first), '-l', str(last), request.path, '-')
    texts = done.stdout.decode('utf-8', 'replace').split('\f')[: last - first + 1]
    details = {name.lower(): found.get(name) for name in ('Author', 'Creator', 'Producer', 'CreationDate', 'Page size')}
    details['javascript'] = 'yes, and it is not run' if found.get('JavaScript') == 'yes' else None
    return _document(found.get('Title', ''), pages, first, texts, details)


def _by_pypdf(request):
    try:
        import pypdf
    except ImportError:
        raise Refused('unavailable', 'poppler') from None
    reader = pypdf.PdfReader(request.path)
    if reader.is_encrypted and not reader.decrypt(''):
        raise Refused('encrypted')
    pages = len(reader.pages)
    first = min(request.page, pages)
    texts = [reader.pages[index].extract_text() for index in range(first - 1, min(pages, first - 1 + _MOST_PAGES))]
    about = reader.metadata or {}
    return _document(str(about.get('/Title', '')), pages, first, texts, {'author': about.get('/Author'), 'producer': about.get('/Producer')})


def _document(title, pages, first, texts, details):
    parts = []
    for number, text in enumerate(texts, first):
        parts += [Part('heading', f'Page {number}'), Part('text', text.strip())]
    return Document('pdf', {'title': clip(title, 200), 'pages': pages}, parts, details)


def page_png(path, page, width):
    """One page as a PNG of this width. A page that is not there is the last one."""
    if not shutil.which('pdftoppm'):
        raise Refused('unavailable', 'poppler')
    found = re.search(rb'^Pages:\s*(\d+)', _run('pdfinfo', path).stdout, re.M)
    if not found:
        raise Refused('corrupt')
    page = str(min(page, int(found[1])))
    size = re.search(rb'size:\s*([\d.]+) x ([\d.]+) pts', _run('pdfinfo', '-f', page, '-l', page, path).stdout)
    # The height follows the width; a page that is a thin strip is not drawn larger than a picture may be.
    across = float(size[1]) if size else 600.0
    tall = (float(size[2]) if size else 800.0) / max(across, 0.1) * width
    scale = ['-scale-to-x', str(width), '-scale-to-y', str(max(1, min(round(tall), drawing.MOST_HEIGHT)))]
    done = _run('pdftoppm', '-q', '-png', '-f', page, '-l', page, '-singlefile', *scale, path, patience=15)
    if not done.stdout.startswith(b'\x89PNG'):
        raise Refused('corrupt')
    return done.stdout
