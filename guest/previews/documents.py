"""Documents of text: Word, OpenDocument, RTF, EPUB, Markdown, HTML and e-mail."""

import re
import shutil
import subprocess
import zipfile

from . import office, sanitise
from .document import Document, Part, Refused, clip
from .separated import decoded, read_text

_CONVERTING = 15
# Bytes of a file of text that are read.
_MOST_TEXT = 2 << 20


def read_word(request):
    office.check_package(request.path)
    with open(request.path, 'rb') as file:
        html = _word_html(file)
    document = _of_html('document', html, _core_properties(request.path))
    document.draw = lambda: office.page_png(request)
    return document


def _word_html(file):
    try:
        import mammoth
    except ImportError:
        return _plain_word_html(file)
    return mammoth.convert_to_html(file, include_embedded_style_map=False, external_file_access=False).value


def _plain_word_html(file):
    """Without mammoth: paragraphs, headings and tables."""
    try:
        import docx
    except ImportError:
        raise Refused('unavailable', 'python-docx') from None
    from html import escape

    out = []
    for block in docx.Document(file).iter_inner_content():
        if hasattr(block, 'rows'):
            rows = (''.join(f'<td>{escape(cell.text)}</td>' for cell in row.cells) for row in block.rows)
            out.append('<table>' + ''.join(f'<tr>{row}</tr>' for row in rows) + '</table>')
        else:
            level = re.fullmatch(r'Heading ([1-6])', block.style.name if block.style else '')
            tag = f'h{level[1]}' if level else 'h1' if block.style and block.style.name == 'Title' else 'p'
            out.append(f'<{tag}>{escape(block.text)}</{tag}>')
    return ''.join(out)


def _core_properties(path):
    """Title, author and times that an Office file tells of itself."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open('docProps/core.xml') as file:
            text = file.read(1 << 16).decode('utf-8', 'replace')
    except (KeyError, OSError, zipfile.BadZipFile):
        return {}
    names = {'title': 'title', 'creator': 'author', 'created': 'created', 'modified': 'modified'}
    found = re.findall(r'<\w+:(title|creator|created|modified)\b[^>]{0,200}>([^<]{1,500})<', text)
    return {names[name]: sanitise.text_of(value) for name, value in found}


def read_by_pandoc(kind):
    """A reader of what pandoc reads, as the format `kind`."""

    def read(request):
        if kind in ('odt', 'epub', 'docx'):
            office.check_package(request.path)
        if not shutil.which('pandoc'):
            raise Refused('unavailable', 'pandoc')
        command = ['pandoc', '--sandbox', '-f', kind, '-t', 'html', '--wrap=none', '+RTS', '-M300m', '-RTS', request.path]
        try:
            done = subprocess.run(command, capture_output=True, timeout=_CONVERTING, check=False, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            raise Refused('took_too_long') from None
        if done.returncode == 251:
            raise Refused('too_large')
        if done.returncode:
            raise Refused('corrupt')
        document = _of_html('document', done.stdout.decode('utf-8', 'replace'), {})
        if kind in ('odt', 'rtf', 'docx'):
            document.draw = lambda: office.page_png(request)
        return document

    return read


def _of_html(kind, html, properties):
    """The document of some HTML, with the facts that its text gives."""
    text, headings = sanitise.read(html)
    facts = {
        'title': clip(properties.pop('title', '') or (headings[0] if headings else ''), 200),
        'words': len(text.split()),
        'outline': [clip(heading, 100) for heading in headings],
        'excerpt': clip(text, 400),
    }
    return Document(kind, facts, [Part('html', html)], properties)


def read_markdown(request):
    text, _ = read_text(request.path, _MOST_TEXT)
    document = _of_html('markdown', markdown_html(text), {})
    document.facts['lines'] = text.count('\n') + (not text.endswith('\n'))
    # Markdown itself is the best text of it.
    document.parts[0].data = text.encode('utf-8', 'replace')
    return document


def markdown_html(text):
    """Markdown as HTML; HTML within it is text."""
    from html import escape

    try:
        from markdown_it import MarkdownIt

        return MarkdownIt('commonmark', {'html': False, 'linkify': False}).enable(['table', 'strikethrough']).render(text)
    except ImportError:
        pass
    try:
        import markdown

        return markdown.markdown(escape(text, quote=False), extensions=['tables', 'fenced_code'])
    except ImportError:
        return f'<pre>{escape(text)}</pre>'


def read_html(request):
    text, _ = read_text(request.path, _MOST_TEXT)
    document = _of_html('page', text, {})
    title = re.search(r'<title[^>]{0,200}>(.{0,500}?)</title>', text[:65_536], re.S | re.I)
    if title:
        document.facts['title'] = clip(sanitise.text_of(title[1]), 200)
    return document


def read_mail(request):
    import email
    import email.policy

    with open(request.path, 'rb') as file:
        message = email.message_from_binary_file(file, policy=email.policy.default)
    body = message.get_body(('plain', 'html'))
    content = body.get_content() if body is not None and body.get_content_maintype() == 'text' else ''
    if isinstance(content, bytes):
        content, _ = decoded(content)
    if body is not None and body.get_content_subtype() == 'html':
        content = sanitise.text_of(content)
    names = [part.get_filename() or 'unnamed' for part in message.iter_attachments()]
    heads = {name: str(message.get(name, '')) for name in ('From', 'To', 'Cc', 'Date')}
    facts = {'title': clip(str(message.get('Subject', '')), 200), 'words': len(content.split()), 'excerpt': clip(content, 400)}
    facts['entry_count'] = len(names) or None
    details = {**{name.lower(): clip(value, 200) for name, value in heads.items()}, 'attachments': ', '.join(names[:50])}
    head = '\n'.join(f'{name}: {clip(value, 300)}' for name, value in heads.items() if value)
    parts = [Part('heading', facts['title'] or 'Message'), Part('text', head), Part('text', content)]
    if names:
        parts.append(Part('text', 'Attachments: ' + ', '.join(clip(name, 100) for name in names[:50])))
    return Document('message', facts, parts, details)
