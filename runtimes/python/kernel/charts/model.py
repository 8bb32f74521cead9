"""The parts of a chart, each within bounds: what a figure holds may be of any size and any type."""

import datetime
import math
import numbers
import re

_MAX_POINTS = 2000
_MAX_SERIES = 50
_MAX_CHARTS = 25
_MAX_TICKS = 50
_MAX_OUTLIERS = 20
_MAX_TEXT = 200
# "Power (kW)", "Power [kW]", "Power / kW".
_UNIT = re.compile(r'.*\S\s*(?:\(([^()]{1,30})\)|\[([^\[\]]{1,30})\]|\s/\s(\S{1,15}))')


def text(value):
    """A label, cut; None when there is none, or when matplotlib made it up."""
    if value is None:
        return None
    found = str(value).strip()
    return found[:_MAX_TEXT] if found and not found.startswith('_') else None


def axis(label, scale='linear', ticks=()):
    """`ticks` are the words on an axis of categories."""
    label = text(label)
    unit = _UNIT.fullmatch(label) if label else None
    made = {'label': label, 'unit': next(filter(None, unit.groups()), None) if unit else None, 'scale': scale}
    words = [text(tick) or '' for tick in list(ticks)[:_MAX_TICKS]]
    return {**made, 'ticks': words} if any(words) else made


def number(value):
    """A coordinate as JSON has it: a finite number, a date in ISO form, a word, or None."""
    if value is None or isinstance(value, (bool, str)):
        return text(value) if isinstance(value, str) else value
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value) if math.isfinite(value) else None
    if type(value).__name__ == 'datetime64':
        return str(value.astype('datetime64[ms]')).removesuffix('T00:00:00.000')
    if hasattr(value, 'isoformat'):
        return value.isoformat()
    return text(value)


def series(kind, label, points, count=0):
    """`count` is how many points there were, when only some were taken."""
    made = {'kind': kind, 'label': text(label), 'points': points}
    return {**made, 'count': count} if count > len(points) else made


def picks(count):
    """Which of so many points to take, evenly: as many as a figure may have."""
    return [at * count // _MAX_POINTS for at in range(_MAX_POINTS)] if count > _MAX_POINTS else range(count)


def box(low, q1, median, q3, high, outliers=()):
    five = {'low': low, 'q1': q1, 'median': median, 'q3': q3, 'high': high}
    return {name: number(value) for name, value in five.items()} | {
        'outliers': [number(value) for value in list(outliers)[:_MAX_OUTLIERS]]
    }


def chart(title, x, y, found):
    """One pair of axes; None when nothing is on it. Points stay as they are until `bounded`."""
    if not found:
        return None
    kinds = {one['kind'] for one in found}
    return {
        'kind': kinds.pop() if len(kinds) == 1 else 'composite',
        'title': text(title),
        'x': x,
        'y': y,
        'series': found[:_MAX_SERIES],
    }


def bounded(charts, title=None):
    """The charts of one figure as one, with at most 2000 points in all: of a longer series every n-th. None if there are none."""
    charts = [one for one in charts if one][:_MAX_CHARTS]
    if not charts:
        return None
    sizes = sorted(len(one['points']) for each in charts for one in each['series'])
    limit = _share(sizes)
    for each in charts:
        for one in each['series']:
            count = len(one['points'])
            if count > limit:
                one.setdefault('count', count)
                one['points'] = [one['points'][at * count // limit] for at in range(limit)]
            one['points'] = [[_coordinate(value) for value in point] for point in one['points']]
    if len(charts) == 1:
        return charts[0] if charts[0]['title'] else {**charts[0], 'title': text(title)}
    return {'kind': 'composite', 'title': text(title), 'charts': charts}


def _coordinate(value):
    return value if isinstance(value, dict) else number(value)


def _share(sizes):
    """How long a series may be, so that the short stay whole and all together are within the bound. `sizes` ascending."""
    left = _MAX_POINTS
    for at, size in enumerate(sizes):
        share = left // (len(sizes) - at)
        if size > share:
            return max(1, share)
        left -= size
    return _MAX_POINTS
