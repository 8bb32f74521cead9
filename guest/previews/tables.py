"""Tables: types and examples of their columns, and the rows that are shown."""

import datetime
import decimal
import math
import numbers
import re

from .document import MOST_CELL, MOST_COLUMNS, MOST_ROWS, MOST_SAMPLED, Column, Table, clip, plain

_WHOLE = re.compile(r'[+-]?\d{1,30}')
_NUMBER = re.compile(r'[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?')
_DATE = re.compile(r'\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?')
# What stands for nothing in files of text.
_NOTHING = {'', 'na', 'n/a', 'nan', 'null', 'none'}


def make(name, columns, rows, total, offset=0, number=1, are_texts=False, point='.'):
    """A table of the window that begins at `offset`; `rows` begin with the first row of the table. `point` is what texts write in numbers."""
    column_count = len(columns)
    sample = rows[:MOST_SAMPLED]
    described = [
        _column(str(title), [_at(row, index) for row in sample], are_texts, point) for index, title in enumerate(columns[:MOST_COLUMNS])
    ]
    return Table(
        name=str(name),
        columns=described,
        rows=window(rows[offset : offset + MOST_ROWS]),
        total=total,
        offset=offset,
        column_count=column_count,
        number=number,
    )


def window(rows):
    return [[shown(value) for value in row[:MOST_COLUMNS]] for row in rows[:MOST_ROWS]]


def with_header(rows):
    """(names, rows below): the first row gives names where it can."""
    if not rows:
        return [], []
    width = max(len(row) for row in rows[:MOST_SAMPLED])
    first = rows[0]
    named = [value for value in first if value not in (None, '')]
    if named and len(named) * 2 > len(first) and all(isinstance(value, str) and not _looks_like_data(value) for value in named):
        names = [str(value) if value not in (None, '') else letters(index) for index, value in enumerate(first)]
        return names + [letters(index) for index in range(len(first), width)], rows[1:]
    return [letters(index) for index in range(width)], rows


def _looks_like_data(text):
    return bool(_NUMBER.fullmatch(text.strip()) or _DATE.fullmatch(text.strip()))


def letters(index):
    """Names of columns as in a spreadsheet: A, B, …, Z, AA."""
    name = ''
    while index >= 0:
        name = chr(65 + index % 26) + name
        index = index // 26 - 1
    return name


def shown(value):
    """A value as a text of bounded length."""
    if value is None:
        return ''
    if isinstance(value, str):
        return plain(value[: MOST_CELL - 1] + '…' if len(value) > MOST_CELL else value)
    if isinstance(value, bool):
        return 'true' if value else 'false'
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f'{len(value)} bytes'
    if isinstance(value, int):
        return str(value) if value.bit_length() < 2000 else f'a number of {value.bit_length()} bits'
    if isinstance(value, float):
        return '' if math.isnan(value) else f'{value:.15g}'
    if isinstance(value, datetime.datetime) and not (value.hour or value.minute or value.second or value.microsecond):
        return value.date().isoformat()
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat().replace('T', ' ')
    text = str(value)
    return '' if text in ('NaT', 'nan', '<NA>') else plain(text[:MOST_CELL])


def type_of(value, is_text=False, point='.'):
    if value is None or value == '' or (isinstance(value, float) and math.isnan(value)):
        return 'empty'
    if isinstance(value, str) and is_text:
        text = value.strip().replace(point, '.')
        if text.lower() in _NOTHING:
            return 'empty'
        # 007 is a name, not the number 7.
        if _WHOLE.fullmatch(text) and not (len(text.lstrip('+-')) > 1 and text.lstrip('+-')[0] == '0'):
            return 'whole'
        if _NUMBER.fullmatch(text) and not re.match(r'[+-]?0\d', text):
            return 'number'
        if _DATE.fullmatch(text):
            return 'date'
        return 'boolean' if text.lower() in ('true', 'false') else 'text'
    if isinstance(value, bool) or type(value).__name__ in ('bool_', 'bool'):
        return 'boolean'
    if isinstance(value, numbers.Integral):
        return 'whole'
    if isinstance(value, (numbers.Real, decimal.Decimal)):
        return 'whole' if float(value).is_integer() and not isinstance(value, decimal.Decimal) else 'number'
    if isinstance(value, (datetime.date, datetime.datetime)) or type(value).__name__ == 'Timestamp':
        return 'date'
    if isinstance(value, (datetime.time, datetime.timedelta)):
        return 'time'
    return 'text' if isinstance(value, str) else 'other'


def _column(name, values, are_texts, point):
    kinds = [type_of(value, are_texts, point) for value in values]
    found = set(kinds) - {'empty'}
    if found == {'whole', 'number'}:
        kind = 'number'
    else:
        kind = found.pop() if len(found) == 1 else 'mixed' if found else 'empty'
    examples = []
    for value, type_ in zip(values, kinds):
        text = clip(shown(value), 60)
        if type_ != 'empty' and text not in examples:
            examples.append(text)
        if len(examples) == 3:
            break
    return Column(clip(name, 100) or 'unnamed', kind, kinds.count('empty'), examples)


def _at(row, index):
    return row[index] if index < len(row) else None
