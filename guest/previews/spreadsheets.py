"""Workbooks: xlsx, xlsm, xls, xlsb and ods."""

import zipfile

from . import tables
from .document import MOST_DESCRIBED_TABLES, MOST_ROWS, Document, Part, Refused


def read(request):
    names, rows_of = _opened(request)
    if not names:
        raise Refused('corrupt')
    wanted = min(request.sheet, len(names))
    found = []
    # A summary tells of every sheet, the other forms of one.
    numbers = range(1, min(len(names), MOST_DESCRIBED_TABLES) + 1) if request.form == 'json' else [wanted]
    for number in numbers:
        rows = [list(row) for row in rows_of(number)]
        while rows and not any(value not in (None, '') for value in rows[-1]):
            rows.pop()
        columns, below = tables.with_header(rows)
        found.append(tables.make(names[number - 1], columns, below, len(below), request.offset, number))
    others = [f'{number}. {name}' for number, name in enumerate(names[:200], 1)]
    parts = [Part('table', table=table) for table in found]
    if request.form != 'json' and len(names) > 1:
        parts.insert(0, Part('text', f'Sheet {wanted} of {len(names)}: ' + ', '.join(others)))
    return Document('spreadsheet', {'table_count': len(names)}, parts, {}, found)


def _opened(request):
    """The names of the sheets, and a function that gives the rows of one by its number."""
    _check_locks(request.path)
    try:
        import python_calamine
    except ImportError:
        return _with_openpyxl(request)
    try:
        book = python_calamine.CalamineWorkbook.from_path(request.path)
    except python_calamine.PasswordError:
        raise Refused('encrypted') from None
    kinds = {each.name: each.typ for each in book.sheets_metadata}
    names = [name for name in book.sheet_names if 'WorkSheet' in str(kinds.get(name, 'WorkSheet'))]

    def rows_of(number):
        rows = book.get_sheet_by_name(names[number - 1]).to_python(skip_empty_area=True)
        return _with_formulas(request, names[number - 1], rows)

    return names, rows_of


def _check_locks(path):
    """Locked workbooks are not what their name says: an encrypted package in an OLE container."""
    with open(path, 'rb') as file:
        head = file.read(8)
        if head != b'\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1':
            return
        file.seek(0)
        if 'EncryptedPackage'.encode('utf-16-le') in file.read(1 << 24):
            raise Refused('encrypted')


def _with_formulas(request, name, rows):
    """A workbook that a program wrote has formulas without values: what is empty for that reason shows its formula."""
    if request.extension not in ('xlsx', 'xlsm') or not rows or not _has_formulas(request.path):
        return rows
    import openpyxl

    book = openpyxl.load_workbook(request.path, read_only=True, data_only=False, keep_links=False)
    try:
        sheet = book[name]
        # calamine begins at the first cell that is used.
        sheet.reset_dimensions()
        cells = {}
        for row in sheet.iter_rows(max_row=request.offset + MOST_ROWS + 20, max_col=100):
            for cell in row:
                if cell.value is not None:
                    cells[cell.row, cell.column] = cell.value
        top = min((row for row, _ in cells), default=1)
        left = min((column for _, column in cells), default=1)
        for (row, column), value in cells.items():
            at, index = row - top, column - left
            if isinstance(value, str) and value.startswith('=') and at < len(rows):
                while len(rows[at]) <= index:
                    rows[at].append('')
                if rows[at][index] in (None, ''):
                    rows[at][index] = value
    except (KeyError, ValueError, TypeError, AttributeError):
        pass
    finally:
        book.close()
    return rows


def _has_formulas(path):
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist()[:200]:
            if not entry.filename.startswith('xl/worksheets/'):
                continue
            with archive.open(entry) as file:
                if b'<f' in file.read(1 << 20).replace(b'<font', b''):
                    return True
    return False


def _with_openpyxl(request):
    """Without calamine: what pandas and openpyxl read."""
    if request.extension in ('ods', 'xls'):
        import pandas

        try:
            book = pandas.ExcelFile(request.path)
        except ImportError:
            raise Refused('unavailable', 'python-calamine') from None
        return list(book.sheet_names), lambda number: book.parse(number - 1, header=None).to_numpy().tolist()
    if request.extension == 'xlsb':
        raise Refused('unavailable', 'python-calamine')
    import openpyxl

    book = openpyxl.load_workbook(request.path, read_only=True, data_only=True, keep_links=False)
    return list(book.sheetnames), lambda number: _with_formulas(request, book.sheetnames[number - 1], _values(book.worksheets[number - 1]))


def _values(sheet):
    sheet.reset_dimensions()
    return [list(row) for row in sheet.iter_rows(values_only=True)]
