"""HTML by allow list: what a document brings becomes tags that only show text, tables and its own pictures."""

import html
import re
from html.parser import HTMLParser

_TAGS = set(
    'a abbr b blockquote br caption code col colgroup dd del div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol '
    'p pre q s samp small span strong sub sup table tbody td tfoot th thead tr tt u ul var'.split()
)
_VOID = {'br', 'hr', 'img', 'col'}
# What is inside these is no text of the document.
_SILENT = {'script', 'style', 'template', 'title', 'noscript', 'iframe', 'object', 'embed', 'svg', 'math', 'textarea', 'select', 'head'}
_HEADINGS = {'h1', 'h2', 'h3', 'h4', 'h5', 'h6'}
_IMAGE = re.compile(r'data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]+')
_SPAN = re.compile(r'[1-9]\d{0,2}')
_MOST_DEPTH = 100


class _Cleaner(HTMLParser):
    def __init__(self, most):
        super().__init__(convert_charrefs=True)
        self.most = most
        self.size = 0
        self.out = []
        self.open = []
        self.silent = []
        self.is_full = False

    def write(self, text):
        if self.is_full:
            return False
        if self.size + len(text) > self.most:
            self.is_full = True
            return False
        self.size += len(text.encode('utf-8', 'replace'))
        self.out.append(text)
        return True

    def handle_starttag(self, tag, attrs):
        if tag in _SILENT:
            self.silent.append(tag)
        if self.silent or tag not in _TAGS or len(self.open) >= _MOST_DEPTH:
            return
        kept = ''.join(f' {name}="{html.escape(value)}"' for name, value in _attributes(tag, attrs))
        if tag == 'img' and ' src=' not in kept:
            return
        if self.write(f'<{tag}{kept}>') and tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        if tag in _SILENT:
            return
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        if tag in self.silent:
            while self.silent.pop() != tag:
                pass
            return
        if self.silent or tag not in self.open:
            return
        while True:
            ended = self.open.pop()
            self.out.append(f'</{ended}>')
            if ended == tag:
                return

    def handle_data(self, data):
        if not self.silent:
            self.write(html.escape(data, quote=False))


def _attributes(tag, attrs):
    for name, value in attrs:
        value = value or ''
        if name == 'src' and tag == 'img' and _IMAGE.fullmatch(value):
            yield name, value
        elif name == 'alt' and tag == 'img':
            yield name, value[:200]
        elif name in ('colspan', 'rowspan') and tag in ('td', 'th') and _SPAN.fullmatch(value):
            yield name, value
        elif name == 'href' and tag == 'a':
            # A link leads nowhere from a preview; where it would lead can be read.
            yield 'title', value[:200]


def clean(source, most):
    """(HTML that is safe to show, whether something is missing). All its tags are closed."""
    cleaner = _Cleaner(most)
    # A piece at a time: a page that is longer than wanted is not parsed to its end.
    for start in range(0, len(source), 65_536):
        cleaner.feed(source[start : start + 65_536])
        if cleaner.is_full:
            break
    cleaner.out += [f'</{tag}>' for tag in reversed(cleaner.open)]
    return ''.join(cleaner.out), cleaner.is_full


class _Texts(HTMLParser):
    _BLOCKS = {'p', 'div', 'br', 'li', 'tr', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'table', 'pre', 'blockquote', 'hr', 'dt', 'dd'}

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.out = []
        self.silent = []
        # A row stays one line, whatever is in its cells.
        self.is_cell = False
        self.headings = []
        self.heading = None

    def handle_starttag(self, tag, attrs):
        if tag in _HEADINGS and len(self.headings) < 50:
            self.heading = []
        if tag in ('td', 'th', 'tr'):
            self.is_cell = tag != 'tr'
        if tag in _SILENT:
            self.silent.append(tag)
        elif tag in self._BLOCKS and self.is_cell:
            self.out.append(' ')
        elif tag in self._BLOCKS:
            self.out.append('\n- ' if tag == 'li' else '\n')
        elif tag in ('td', 'th'):
            self.out.append('\t')

    def handle_startendtag(self, tag, attrs):
        if tag in self._BLOCKS:
            self.out.append(' ' if self.is_cell else '\n')

    def handle_endtag(self, tag):
        if tag in _HEADINGS and self.heading:
            self.headings.append(' '.join(''.join(self.heading).split()))
        if tag in _HEADINGS:
            self.heading = None
        if tag in self.silent:
            while self.silent.pop() != tag:
                pass
        elif tag in ('tr', 'table'):
            self.is_cell = False
            self.out.append('\n' if tag == 'table' else '')
        elif not self.is_cell and tag in ('p', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6'):
            self.out.append('\n')

    def handle_data(self, data):
        if self.silent:
            return
        self.out.append(data)
        if self.heading is not None:
            self.heading.append(data)


def read(source):
    """(text, headings) of HTML: the text has a block a line."""
    texts = _Texts()
    texts.feed(source)
    lines = [re.sub(' *\\t *', '\t', line).strip() for line in ''.join(texts.out).split('\n')]
    return re.sub(r'\n{3,}', '\n\n', '\n'.join(lines)).strip(), texts.headings


def text_of(source):
    return read(source)[0]
