"""Comma and tab separated values, and lines of JSON."""

import csv
import io
import json
import time

from . import tables
from .document import MOST_ROWS, MOST_SAMPLED, Document, Part, Refused

# Rows are counted for so long, in seconds.
_COUNTING = 4
csv.field_size_limit(1 << 24)


def read_text(path, most=None):
    """(text, encoding) of a file of text."""
    with open(path, 'rb') as file:
        data = file.read() if most is None else file.read(most)
    return decoded(data)


def decoded(data):
    for mark, encoding in ((b'\xef\xbb\xbf', 'utf-8-sig'), (b'\xff\xfe', 'utf-16'), (b'\xfe\xff', 'utf-16')):
        if data.startswith(mark):
            return data.decode(encoding, 'replace'), encoding
    try:
        return data.decode('utf-8'), 'utf-8'
    except UnicodeDecodeError as error:
        # A read that ends within a character is still UTF-8.
        if error.start > len(data) - 4 and len(data) > 4:
            return data[: error.start].decode('utf-8'), 'utf-8'
        return data.decode('cp1252', 'replace'), 'windows-1252'


def read(request):
    text, encoding = read_text(request.path)
    separator = '\t' if request.extension in ('tsv', 'tab') else _separator(text)
    wanted = request.offset + max(MOST_ROWS, MOST_SAMPLED) + 1
    rows, more = [], 0
    deadline = time.monotonic() + _COUNTING
    counted = True
    try:
        for row in csv.reader(io.StringIO(text, newline=''), delimiter=separator):
            if not row:
                continue
            if len(rows) < wanted:
                rows.append(row)
            else:
                more += 1
                if more % 10_000 == 0 and time.monotonic() > deadline:
                    counted = False
                    break
    except csv.Error:
        raise Refused('corrupt') from None
    names, below = tables.with_header(rows)
    total = len(below) + more if counted else None
    table = tables.make('', names, below, total, request.offset, are_texts=True, point=',' if separator == ';' else '.')
    details = {'encoding': encoding, 'separator': {'\t': 'tab', ',': 'comma', ';': 'semicolon', '|': 'bar'}[separator]}
    return Document('table', {}, [Part('table', table=table)], details, [table])


def _separator(text):
    """What separates the values of the first lines most evenly."""
    lines = [line for line in text[:20_000].split('\n')[:20] if line.strip()]

    def evenness(separator):
        counts = [line.count(separator) for line in lines]
        usual = max(counts, key=counts.count, default=0)
        return (counts.count(usual) / len(counts), usual) if usual else (0, 0)

    return max(',;\t|', key=evenness) if lines else ','


def read_json_lines(request):
    rows, names, total = [], {}, 0
    with open(request.path, encoding='utf-8', errors='replace') as file:
        for line in file:
            if not line.strip():
                continue
            total += 1
            if total > request.offset + MOST_SAMPLED:
                continue
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                raise Refused('corrupt') from None
            record = record if isinstance(record, dict) else {'value': record}
            rows.append(record)
            for name in record:
                names.setdefault(name, None)
    table = of_records('', rows, list(names), total, request.offset)
    return Document('table', {}, [Part('table', table=table)], {}, [table])


def of_records(name, records, names, total, offset=0):
    """A table of JSON objects."""

    def value(record, key):
        found = record.get(key)
        return json.dumps(found, ensure_ascii=False)[:1000] if isinstance(found, (dict, list)) else found

    return tables.make(name, names, [[value(record, key) for key in names] for record in records], total, offset)
