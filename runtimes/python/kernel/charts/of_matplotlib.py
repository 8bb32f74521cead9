"""Chart data of matplotlib figures, read from what was drawn. Everything in a figure may be a user's: nothing here may fail loudly."""

import functools
import math
import numbers
import weakref

from . import model

# The numbers behind boxes are nowhere in a figure, so they are noted when the boxes are drawn.
_boxes = weakref.WeakKeyDictionary()


def take_over():
    """Notes the statistics of every box plot, seaborn's and pandas' too: all come through Axes.bxp."""
    from matplotlib.axes import Axes

    draw = Axes.bxp

    @functools.wraps(draw)
    def bxp(axes, bxpstats, *arguments, **keywords):
        drawn = draw(axes, bxpstats, *arguments, **keywords)
        try:
            places = arguments[0] if arguments else keywords.get('positions')
            boxes = list(zip(bxpstats, range(1, len(bxpstats) + 1) if places is None else places))
            _boxes.setdefault(axes, []).append((boxes, {id(part) for parts in drawn.values() for part in parts}))
        except Exception:
            pass  # A box plot is drawn whether or not its numbers could be noted.
        return drawn

    Axes.bxp = bxp


def chart(figure):
    """The chart of a figure that has been drawn, or None."""
    title = figure.get_suptitle() if hasattr(figure, 'get_suptitle') else None
    return model.bounded([_of_axes(axes) for axes in figure.axes if _is_chart(axes)], title)


def _is_chart(axes):
    """Those of a colour bar are none, and what is drawn in space has other coordinates than its program gave."""
    return getattr(axes, '_colorbar', None) is None and getattr(axes, 'name', None) != '3d'


def _of_axes(axes):
    parts = {part for _, drawn in _boxes.get(axes, ()) for part in drawn}
    found = []
    for read in (_pie, _bars, _lines, _points, _areas, _grids, _images, _box_plots):
        try:
            found += read(axes, parts)
        except Exception:
            continue  # An artist of a kind, or in a state, that we do not know.
    if found and found[0]['kind'] == 'pie':
        return model.chart(axes.get_title(), model.axis(None), model.axis(None), found[:1])
    x, y = (_axis(axis) for axis in (axes.xaxis, axes.yaxis))
    return model.chart(axes.get_title() or axes.get_title('left'), x, y, found)


def _axis(axis):
    words = _words(axis)
    scale = 'date' if _is_date(axis) or _has_periods(axis) else 'category' if words else axis.get_scale()
    return model.axis(axis.get_label_text(), scale, [words[at] for at in sorted(words)])


def _words(axis):
    """The words at positions of an axis of categories; empty for one of numbers."""
    formatter = axis.get_major_formatter()
    # How set_xticks(places, words) keeps its words.
    by_place = getattr(getattr(formatter, 'func', None), 'args', None)
    if by_place and isinstance(by_place[0], dict):
        return {round(float(place), 6): word for place, word in by_place[0].items() if word}
    if type(formatter).__name__ not in ('StrCategoryFormatter', 'FixedFormatter') or _is_date(axis):
        return {}
    places = [float(place) for place in axis.get_majorticklocs()]
    return {round(place, 6): word for place, word in zip(places, formatter.format_ticks(places)) if word}


def _is_date(axis):
    return 'Date' in _converter(axis)


def _has_periods(axis):
    """Dates as pandas draws them: its own numbers, with the periods themselves beside them."""
    return 'Period' in _converter(axis)


def _converter(axis):
    converter = axis.get_converter() if hasattr(axis, 'get_converter') else axis.converter
    return type(converter).__name__


def _reader(axis):
    """Turns positions on an axis into what they stand for."""
    words = _words(axis)
    if words:
        return lambda value: words.get(round(float(value), 6), value)
    if _is_date(axis):
        from matplotlib.dates import num2date

        return lambda value: num2date(value).replace(tzinfo=None) if math.isfinite(value) else None
    return lambda value: value


def _data(values, axis, picks):
    """Coordinates as the program gave them, where it gave dates or words; numbers else."""
    read = _reader(axis)
    taken = [values[at] for at in picks]
    return [read(value) if isinstance(value, numbers.Real) else value for value in taken]


def _lines(axes, parts):
    from matplotlib.container import BarContainer, ErrorbarContainer, StemContainer

    helpers = set(parts)
    labels = {}
    for container in axes.containers:
        if isinstance(container, ErrorbarContainer):
            helpers.update(map(id, container.lines[1]))
            labels[id(container.lines[0])] = container.get_label()
        if isinstance(container, StemContainer):
            helpers.add(id(container.baseline))
    has_bars = any(isinstance(container, BarContainer) for container in axes.containers)
    found = []
    for line in axes.lines:
        # A line that is not in data coordinates on both sides marks a level.
        if id(line) in helpers or not line.get_visible() or line.get_transform() != axes.transData:
            continue
        xs, ys = line.get_xdata(orig=True), line.get_ydata(orig=True)
        count = min(len(xs), len(ys))
        picks = model.picks(count)
        points = list(zip(_data(xs, axes.xaxis, picks), _data(ys, axes.yaxis, picks)))
        is_line = line.get_linestyle() not in ('None', 'none', ' ', '')
        if has_bars and len(points) == 2 and any(one == other for one, other in zip(*points)):
            continue  # The error of a bar, as seaborn draws it.
        if points:
            label = labels.get(id(line), line.get_label())
            found.append(model.series('line' if is_line else 'scatter', label, points, count))
    return found


def _points(axes, parts):
    from matplotlib.collections import PathCollection

    found = []
    for group in axes.collections:
        if not isinstance(group, PathCollection) or id(group) in parts or not len(group.get_offsets()):
            continue
        offsets = group.get_offsets()
        taken = [offsets[at].tolist() for at in model.picks(len(offsets))]
        read_x, read_y = _reader(axes.xaxis), _reader(axes.yaxis)
        points = [(read_x(x), read_y(y)) for x, y in taken]
        found.append(model.series('scatter', group.get_label(), points, len(offsets)))
    return found


def _bars(axes, parts):
    from matplotlib.container import BarContainer

    found = []
    for container in axes.containers:
        if not isinstance(container, BarContainer) or not len(container):
            continue
        upright = getattr(container, 'orientation', 'vertical') != 'horizontal'
        bars = [(bar.get_x(), bar.get_width(), bar.get_height()) for bar in container.patches]
        if not upright:
            bars = [(bar.get_y(), bar.get_height(), bar.get_width()) for bar in container.patches]
        axis = axes.xaxis if upright else axes.yaxis
        kind = 'histogram' if _touch(bars) and not _words(axis) else 'bar'
        read = _category(axis)
        # Of several histograms at once each has its name on its first bar.
        label = model.text(container.get_label()) or container.patches[0].get_label()
        one = model.series(kind, label, [(read(start + width / 2), value) for start, width, value in bars])
        found.append(one if upright else {**one, 'orientation': 'horizontal'})
    return found


def _touch(bars):
    """Whether each of several bars begins where the one before it ends."""
    ends = [start + width for start, width, _ in bars]
    return len(bars) > 1 and all(
        math.isclose(end, after[0], rel_tol=1e-6, abs_tol=1e-9) for end, after in zip(ends, bars[1:])
    )


def _category(axis):
    """What a bar stands over: the word within its group, or the place itself."""
    words, read = _words(axis), _reader(axis)

    def category(centre):
        near = min(words, key=lambda place: abs(place - centre), default=None)
        # Bars of several series share a word and stand beside it.
        return words[near] if near is not None and abs(near - centre) <= 0.5 else read(centre)

    return category


def _pie(axes, parts):
    from matplotlib.patches import Wedge

    wedges = [patch for patch in axes.patches if isinstance(patch, Wedge)]
    if not wedges:
        return []
    points = [(model.text(wedge.get_label()), round(float(wedge.theta2 - wedge.theta1) / 360, 6)) for wedge in wedges]
    return [model.series('pie', None, points)]


def _areas(axes, parts):
    from matplotlib.collections import FillBetweenPolyCollection

    found = []
    for group in axes.collections:
        if not isinstance(group, FillBetweenPolyCollection) or not group.get_paths():
            continue
        corners = group.get_paths()[0].vertices
        # Once along one edge and back along the other.
        half = (len(corners) - 3) // 2
        there, back = corners[1 : 1 + half], corners[2 + half : 2 + 2 * half][::-1]
        read = _reader(axes.xaxis)
        points = [(read(x), min(a, b), max(a, b)) for (x, a), (_, b) in zip(there.tolist(), back.tolist())]
        found.append(model.series('area', group.get_label(), points))
    return found


def _grids(axes, parts):
    from matplotlib.collections import QuadMesh

    return [_grid(axes, mesh.get_array(), 0.5) for mesh in axes.collections if isinstance(mesh, QuadMesh)]


def _images(axes, parts):
    found = []
    for image in axes.images:
        values = image.get_array()
        found.append(_grid(axes, values, 0) if values.ndim == 2 else model.series('image', image.get_label(), []))
    return found


def _grid(axes, values, middle):
    """A matrix drawn in colours; `middle` is where in a cell its name stands."""
    columns, rows = _words(axes.xaxis), _words(axes.yaxis)
    # Every n-th row and column of a large one.
    step = max(1, math.ceil(math.sqrt(values.size / len(model.picks(values.size)))))
    points = [
        (columns.get(x * step + middle, x * step), rows.get(y * step + middle, y * step), value)
        for y, row in enumerate(values[::step, ::step].tolist())
        for x, value in enumerate(row)
    ]
    return model.series('heatmap', None, points, values.size)


def _box_plots(axes, parts):
    found = []
    words = _words(axes.xaxis) or _words(axes.yaxis)
    for boxes, _ in _boxes.get(axes, ()):
        points = []
        for stats, place in boxes:
            box = model.box(*(stats[name] for name in ('whislo', 'q1', 'med', 'q3', 'whishi')), stats.get('fliers', ()))
            points.append((model.text(stats.get('label')) or words.get(round(float(place), 6), place), box))
        found.append(model.series('box', None, points))
    return found
