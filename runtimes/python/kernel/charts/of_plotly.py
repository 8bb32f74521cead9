"""Chart data of plotly figures, read from their JSON: {data: [traces], layout}."""

import base64
import re
import struct

from . import model

# numpy's letters for the arrays plotly packs, and struct's.
_PACKED = {'f8': 'd', 'f4': 'f', 'i1': 'b', 'u1': 'B', 'i2': 'h', 'u2': 'H', 'i4': 'i', 'u4': 'I', 'i8': 'q', 'u8': 'Q'}
_MAX_VALUES = 200_000
_DATE = re.compile(r'\d{4}-\d{2}(-\d{2}([T ][\d:.Z+-]*)?)?')
_NUMBER = re.compile(r'\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*')
# Plotly looks at no more of them either.
_LOOKED_AT = 1000


def chart(figure):
    """The chart of a figure in JSON form, or None."""
    layout = _dict(figure.get('layout'))
    groups = {}
    for trace in figure.get('data') or ():
        trace = _dict(trace)
        one = _of_trace(trace)
        if one:
            groups.setdefault((trace.get('xaxis', 'x'), trace.get('yaxis', 'y')), []).append((trace, one))
    title = _words(layout.get('title'))
    made = [
        model.chart(
            None,
            _axis(layout, x, [value for trace, _ in found for value in _values(trace.get('x'))[:_LOOKED_AT]]),
            _axis(layout, y, [value for trace, _ in found for value in _values(trace.get('y'))[:_LOOKED_AT]]),
            [one for _, one in found],
        )
        for (x, y), found in groups.items()
    ]
    return model.bounded(made, title)


def _of_trace(trace):
    kind, label = trace.get('type', 'scatter'), trace.get('name')
    xs, ys = _values(trace.get('x')), _values(trace.get('y'))
    if kind in ('scatter', 'scattergl'):
        mode = trace.get('mode') or ('lines' if len(ys) > 20 else 'lines+markers')
        drawn = 'area' if trace.get('fill') not in (None, 'none') else 'line' if 'lines' in mode else 'scatter'
        points = zip(xs or range(len(ys)), ys)
        return model.series(drawn, label, [(x, 0, y) for x, y in points] if drawn == 'area' else list(points))
    if kind == 'bar':
        horizontal = trace.get('orientation') == 'h'
        one = model.series('bar', label, list(zip(ys, xs) if horizontal else zip(xs or range(len(ys)), ys)))
        return {**one, 'orientation': 'horizontal'} if horizontal else one
    if kind == 'pie':
        values = _values(trace.get('values'))
        whole = sum(value for value in values if isinstance(value, (int, float))) or 1
        labels = _values(trace.get('labels')) or [None] * len(values)
        shares = [(name, value / whole) for name, value in zip(labels, values) if isinstance(value, (int, float))]
        return model.series('pie', label, shares)
    if kind == 'heatmap':
        points = [
            (xs[x] if x < len(xs) else x, ys[y] if y < len(ys) else y, value)
            for y, row in enumerate(_values(trace.get('z')))
            for x, value in enumerate(_values(row))
        ]
        return model.series('heatmap', label, points)
    if kind == 'histogram':
        # Its bins are made where it is shown; here are the values.
        return model.series('histogram', label, [(value, None) for value in xs or ys])
    if kind == 'box':
        return model.series('box', label, _boxes(label, xs, ys))
    return None


def _boxes(label, xs, ys):
    groups = {}
    for at, value in enumerate(ys):
        if isinstance(value, (int, float)) and value == value:
            groups.setdefault(xs[at] if at < len(xs) else label, []).append(value)
    return [(name, _box(sorted(values))) for name, values in groups.items()]


def _box(values):
    q1, median, q3 = (_quantile(values, part) for part in (0.25, 0.5, 0.75))
    reach = 1.5 * (q3 - q1)
    inside = [value for value in values if q1 - reach <= value <= q3 + reach]
    outside = [value for value in values if not q1 - reach <= value <= q3 + reach]
    return model.box(inside[0], q1, median, q3, inside[-1], outside)


def _quantile(values, part):
    at = part * (len(values) - 1)
    low = int(at)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (at - low)


def _axis(layout, name, values):
    """`x2` of a trace is `xaxis2` of the layout. What scale it has is in the values where the figure does not say."""
    found = _dict(layout.get(f'{name[0]}axis{name[1:]}'))
    scale = found.get('type')
    words = [value for value in values if isinstance(value, str)]
    if scale in (None, '-'):
        if any(hasattr(value, 'isoformat') for value in values) or (words and all(map(_DATE.fullmatch, words))):
            scale = 'date'
        else:
            scale = 'linear' if all(map(_NUMBER.fullmatch, words)) else 'category'
    return model.axis(_words(found.get('title')), scale, dict.fromkeys(words) if scale == 'category' else ())


def _words(title):
    return title.get('text') if isinstance(title, dict) else title


def _dict(value):
    return value if isinstance(value, dict) else {}


def _values(value):
    """A list of a trace, which may be packed: {bdata, dtype}."""
    if isinstance(value, (list, tuple)):
        return list(value[:_MAX_VALUES])
    if hasattr(value, 'tolist'):
        return _values(value.tolist())
    if isinstance(value, dict) and value.get('dtype') in _PACKED:
        letter = _PACKED[value['dtype']]
        packed = base64.b64decode(value['bdata'])[: _MAX_VALUES * 8]
        size = struct.calcsize(letter)
        numbers = list(struct.unpack(f'<{len(packed) // size}{letter}', packed[: len(packed) // size * size]))
        shape = [int(part) for part in str(value.get('shape', '')).split(',') if part.strip().isdigit()]
        if len(shape) == 2 and shape[1] > 0:
            return [numbers[at : at + shape[1]] for at in range(0, len(numbers), shape[1])]
        return numbers
    return []
