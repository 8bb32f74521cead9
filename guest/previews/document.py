"""What a reader finds in a file, in a form that every renderer can show."""

import unicodedata
from dataclasses import dataclass, field


class Refused(Exception):
    """There is no preview. `reason` is one of the words the service knows; `needs` names a program this image lacks."""

    def __init__(self, reason, needs=None):
        super().__init__(reason)
        self.reason = reason
        self.needs = needs


@dataclass
class Request:
    """What is asked for. `page` and `sheet` count from 1, `offset` is the first row, `width` is in pixels."""

    path: str
    extension: str
    form: str
    page: int
    sheet: int
    offset: int
    width: int
    max_bytes: int


@dataclass
class Table:
    """Rows as texts, and what is known of the columns. `total` is None where counting takes too long."""

    name: str
    columns: list
    rows: list = field(default_factory=list)
    total: int | None = None
    offset: int = 0
    column_count: int = 0
    number: int = 1

    def described(self):
        columns = [column.described() for column in self.columns[:MOST_DESCRIBED_COLUMNS]]
        return {'name': clip(self.name, 100), 'rows': self.total, 'column_count': self.column_count, 'columns': columns}


@dataclass
class Column:
    """A column. `empty` and `examples` are of the rows that were looked at."""

    name: str
    type: str = 'empty'
    empty: int = 0
    examples: list = field(default_factory=list)

    def described(self):
        examples = [clip(example, 60) for example in self.examples]
        return {'name': clip(self.name, 100), 'type': self.type, 'empty': self.empty, 'examples': examples}


@dataclass
class Part:
    """One piece of a document: `kind` is heading, text, code, html, table or image."""

    kind: str
    text: str = ''
    level: int = 2
    language: str = ''
    table: Table | None = None
    data: bytes = b''


@dataclass
class Document:
    """A file that was read. `facts` go into the summary as they are."""

    kind: str
    facts: dict = field(default_factory=dict)
    parts: list = field(default_factory=list)
    details: dict = field(default_factory=dict)
    tables: list = field(default_factory=list)
    # A function without arguments that returns a PNG; None: the parts are drawn.
    draw: object = None

    def summary(self):
        found = {'kind': self.kind, **{name: value for name, value in self.facts.items() if value not in (None, '', [])}}
        if self.tables:
            found['tables'] = [table.described() for table in self.tables[:MOST_DESCRIBED_TABLES]]
            found.setdefault('table_count', len(self.tables))
        details = {clip(str(name), 40): clip(str(value), 200) for name, value in self.details.items() if value not in (None, '')}
        if details:
            found['details'] = dict(list(details.items())[:20])
        return found


# Emoji and Persian need these.
_JOINERS = '\u200c\u200d'

MOST_DESCRIBED_TABLES = 20
MOST_DESCRIBED_COLUMNS = 60
MOST_ROWS = 200
MOST_COLUMNS = 100
MOST_CELL = 500
# Rows that types and examples come from.
MOST_SAMPLED = 1000


def clip(text, most):
    """A text of at most so many characters, without those that control a terminal or turn the direction of what follows."""
    text = ' '.join(plain(text[: most * 2]).split())
    return text if len(text) <= most else text[: most - 1] + '…'


def plain(text):
    """A text without characters that are not to be seen, except line ends and tabs."""
    if text.isascii() and text.isprintable():
        return text
    return ''.join(
        letter if letter in '\n\t' or unicodedata.category(letter) not in ('Cc', 'Cf', 'Cs', 'Co') or letter in _JOINERS else '\ufffd'
        for letter in text.replace('\r\n', '\n').replace('\r', '\n')
    )
