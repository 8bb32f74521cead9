"""Forms of values that IPython does not know by itself: tables as JSON, figures as images."""

import json

from . import charts, figures
from .charts import of_plotly

_MAX_ROWS = 500
_MAX_COLUMNS = 100
_MAX_CELLS = 10_000


# Of a client that is a notebook itself: tables have the forms that pandas gives them, and no more.
are_plain = False


def register(formatter):
    """Adds them to IPython's display formatter; a type is looked up when its module has been imported."""
    tables = formatter.formatters['application/json']
    tables.for_type_by_name('pandas.core.frame', 'DataFrame', table)
    tables.for_type_by_name('pandas.core.series', 'Series', lambda series: table(series.to_frame()))
    formatter.mimebundle_formatter.for_type_by_name('matplotlib.figure', 'Figure', figures.forms)
    # One form of a picture is enough.
    formatter.formatters['image/jpeg'].for_type_by_name('PIL.Image', 'Image', lambda image: None)


def complete(forms):
    """The forms of a value, and for a plotly figure its data as a chart."""
    figure = forms.get('application/vnd.plotly.v1+json')
    if isinstance(figure, dict):
        # Plotly itself has no words for those who see only text.
        forms = {'text/plain': _words(figure), **forms}
        try:
            chart = of_plotly.chart(figure)
        except Exception:
            chart = None  # Anything may call itself a figure.
        if chart:
            return {**forms, charts.MIME: chart}
    return forms


def _words(figure):
    traces = figure.get('data')
    kinds = [str(trace.get('type', 'scatter'))[:40] for trace in traces or () if isinstance(trace, dict)]
    return f'<plotly figure: {", ".join(kinds[:10]) or "empty"}>'


def table(frame):
    """A DataFrame as {columns: [{name, type}], index, data, shape}: its first rows and columns; dates in ISO form."""
    if are_plain:
        return None
    columns = frame.columns[:_MAX_COLUMNS]
    rows = min(_MAX_ROWS, max(1, _MAX_CELLS // max(1, len(columns))))
    head = frame.iloc[:rows, : len(columns)]
    names = [str(name) for name in columns]
    # By position: names may repeat, and labels of several levels are no JSON.
    plain = head.set_axis(range(len(names)), axis=1)
    split = json.loads(plain.reset_index(drop=True).to_json(orient='split', date_format='iso', default_handler=str))
    return {
        'columns': [{'name': name, 'type': str(kind)} for name, kind in zip(names, head.dtypes)],
        'index': [label if isinstance(label, (int, str)) else str(label) for label in head.index.tolist()],
        'data': split['data'],
        'shape': list(frame.shape),
    }
