"""SQLite databases. Their schema is a program: views, triggers and virtual tables are named and never run."""

import sqlite3
import time
from urllib.parse import quote

from . import tables
from .document import MOST_COLUMNS, MOST_DESCRIBED_TABLES, MOST_ROWS, Document, Part, Refused

# Time for one table, in seconds.
_PATIENCE = 2


def read(request):
    with open(request.path, 'rb') as file:
        if file.read(16) != b'SQLite format 3\0':
            raise Refused('encrypted' if request.extension in ('sqlcipher',) else 'corrupt')
    database = sqlite3.connect(f'file:{quote(request.path)}?mode=ro&immutable=1', uri=True)
    database.text_factory = lambda data: data.decode('utf-8', 'replace')
    database.enable_load_extension(False)
    for setting in (sqlite3.SQLITE_DBCONFIG_DEFENSIVE, sqlite3.SQLITE_DBCONFIG_TRUSTED_SCHEMA):
        database.setconfig(setting, setting == sqlite3.SQLITE_DBCONFIG_DEFENSIVE)
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 1 << 24)
    database.set_authorizer(_only_reading)
    try:
        return _document(request, database)
    except sqlite3.DatabaseError as error:
        raise Refused('took_too_long' if 'interrupted' in str(error) else 'corrupt') from None
    finally:
        database.close()


def _only_reading(action, *_):
    allowed = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_PRAGMA)
    return sqlite3.SQLITE_OK if action in allowed else sqlite3.SQLITE_DENY


def _document(request, database):
    schema = database.execute('select type, name, sql from sqlite_schema order by rowid limit 10000').fetchall()
    names = [
        name
        for kind, name, sql in schema
        if kind == 'table' and isinstance(name, str) and not name.startswith('sqlite_') and not _is_virtual(sql)
    ]
    views = [str(name) for kind, name, _ in schema if kind == 'view']
    wanted = min(request.sheet, max(len(names), 1))
    numbers = range(1, min(len(names), MOST_DESCRIBED_TABLES) + 1) if request.form == 'json' else ([wanted] if names else [])
    found = [_table(request, database, names[number - 1], number) for number in numbers]
    document = Document('database', {'table_count': len(names)}, [], {}, found)
    if views:
        document.details['views'] = ', '.join(views[:50])
    virtual = sum(1 for kind, _, sql in schema if kind == 'table' and _is_virtual(sql))
    if virtual:
        document.details['virtual tables'] = virtual
    if request.form != 'json' and len(names) > 1:
        listed = ', '.join(f'{number}. {name}' for number, name in enumerate(names[:200], 1))
        document.parts.append(Part('text', f'Table {wanted} of {len(names)}: {listed}'))
    document.parts += [Part('table', table=table) for table in found]
    if not names:
        document.parts.append(Part('text', 'This database has no tables.'))
    return document


def _is_virtual(sql):
    return isinstance(sql, str) and sql.lstrip()[:30].lower().startswith('create virtual')


def _table(request, database, name, number):
    quoted = '"' + name.replace('"', '""') + '"'
    deadline = time.monotonic() + _PATIENCE
    database.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)
    # A generated column is an expression of the file: those are not evaluated.
    columns = [(row[1], row[2]) for row in database.execute(f'pragma table_xinfo({quoted})') if row[6] == 0][:MOST_COLUMNS]
    chosen = ', '.join('"' + str(column).replace('"', '""') + '"' for column, _ in columns) or 'null'
    rows = database.execute(f'select {chosen} from {quoted} limit ? offset ?', (MOST_ROWS, request.offset)).fetchall()
    try:
        total = database.execute(f'select count(*) from {quoted}').fetchone()[0]
    except sqlite3.OperationalError:
        total = None
    finally:
        database.set_progress_handler(None, 0)
    table = tables.make(name, [column for column, _ in columns], rows, total, 0, number)
    table.offset = request.offset
    for column, (_, declared) in zip(table.columns, columns):
        if column.type == 'empty' and declared:
            column.examples = []
    return table
