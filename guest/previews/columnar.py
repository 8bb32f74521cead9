"""Files of columns: Parquet, Feather and Arrow; arrays of NumPy and HDF5."""

from . import tables
from .document import MOST_COLUMNS, MOST_ROWS, MOST_SAMPLED, Document, Part, Refused

_WORDS = (
    ('bool', 'boolean'),
    ('int', 'whole'),
    ('uint', 'whole'),
    ('float', 'number'),
    ('double', 'number'),
    ('half', 'number'),
    ('decimal', 'number'),
    ('string', 'text'),
    ('large_string', 'text'),
    ('date', 'date'),
    ('timestamp', 'date'),
    ('time', 'time'),
    ('duration', 'time'),
    ('null', 'empty'),
)


def _arrow():
    try:
        import pyarrow
    except ImportError:
        raise Refused('unavailable', 'pyarrow') from None
    return pyarrow


def read_parquet(request):
    _arrow()
    from pyarrow import parquet

    file = parquet.ParquetFile(request.path)
    names = [field.name for field in file.schema_arrow]
    wanted = request.offset + max(MOST_ROWS, MOST_SAMPLED)
    found = []
    for batch in file.iter_batches(batch_size=1000, columns=names[:MOST_COLUMNS]):
        found.append(batch)
        if sum(each.num_rows for each in found) >= wanted:
            break
    metadata = file.metadata
    details = {'created by': metadata.created_by, 'row groups': metadata.num_row_groups}
    return _document(request, file.schema_arrow, found, metadata.num_rows, details)


def read_arrow(request):
    pyarrow = _arrow()
    from pyarrow import feather, ipc

    with open(request.path, 'rb') as file:
        magic = file.read(6)
    if magic.startswith(b'FEA1'):
        table = feather.read_table(request.path)
    else:
        opened = ipc.open_file(request.path) if magic == b'ARROW1' else ipc.open_stream(request.path)
        table = opened.read_all()
    del pyarrow
    return _document(request, table.schema, table.to_batches(), table.num_rows, {})


def _document(request, schema, batches, total, details):
    names = [field.name for field in schema]
    wanted = request.offset + max(MOST_ROWS, MOST_SAMPLED)
    rows = []
    for batch in batches:
        columns = [column.slice(0, wanted - len(rows)).to_pylist() for column in batch.columns[:MOST_COLUMNS]]
        rows += [list(row) for row in zip(*columns)]
        if len(rows) >= wanted:
            break
    table = tables.make('', names, rows, total, request.offset)
    for column, field in zip(table.columns, schema):
        # The file says what its columns are, also where all rows are empty.
        column.type = next((word for start, word in _WORDS if str(field.type).startswith(start)), 'other')
    return Document('table', {}, [Part('table', table=table)], details, [table])


def read_numpy(request):
    import numpy

    found = numpy.load(request.path, allow_pickle=False, mmap_mode='r' if request.extension == 'npy' else None)
    arrays = {'': found} if isinstance(found, numpy.ndarray) else {name: found[name] for name in found.files[:20]}
    return _arrays(request, arrays)


def read_hdf5(request):
    try:
        import h5py
    except ImportError:
        raise Refused('unavailable', 'h5py') from None
    arrays = {}

    def visit(name, found):
        if isinstance(found, h5py.Dataset) and len(arrays) < 20 and not found.external:
            arrays[name] = found

    with h5py.File(request.path, 'r', rdcc_nbytes=1 << 20) as file:
        file.visititems(visit)
        return _arrays(request, arrays)


def _arrays(request, arrays):
    document = Document('arrays')
    for number, (name, array) in enumerate(arrays.items(), 1):
        shape = '×'.join(str(length) for length in array.shape) or 'one value'
        document.details[name or 'array'] = f'{shape} of {array.dtype}'
        if array.ndim not in (1, 2) or array.dtype.hasobject:
            continue
        head = array[request.offset : request.offset + MOST_ROWS]
        values = head.tolist() if array.ndim == 2 else [[value] for value in head.tolist()]
        width = array.shape[1] if array.ndim == 2 else 1
        names = list(array.dtype.names or [str(index) for index in range(width)])
        table = tables.make(name, names, [list(row[0]) if array.dtype.names else row for row in values], array.shape[0], 0, number)
        table.offset = request.offset
        document.tables.append(table)
        document.parts.append(Part('table', table=table))
    if not document.parts:
        document.parts = [Part('text', f'{name}: {value}') for name, value in document.details.items()]
    return document
