"""Reducers for databases and trees of libraries, by the names of their classes: no library is imported for them."""

import sys

from .losses import CannotKeep, refuse


def _reduce_sqlite(connection):
    import sqlite3

    try:
        in_transaction = connection.in_transaction
    except sqlite3.ProgrammingError as error:
        raise CannotKeep(str(error)) from None
    if in_transaction:
        raise CannotKeep('it is in the middle of a transaction')
    databases = connection.execute('pragma database_list').fetchall()
    if [name for _, name, _ in databases if name != 'temp'] != ['main']:
        raise CannotKeep('it has other databases attached')
    if _has_own_functions(connection):
        raise CannotKeep('it has functions of its own')
    path = databases[0][2]
    settings = {name: getattr(connection, name) for name in ('isolation_level', 'row_factory', 'text_factory')}
    settings['foreign_keys'] = connection.execute('pragma foreign_keys').fetchone()[0]
    content = None if path else connection.serialize()
    return make_sqlite, (type(connection), path, content), settings, None, None, set_sqlite


def _has_own_functions(connection):
    import sqlite3

    def names(each):
        return {tuple(row) for row in each.execute('select name, narg from pragma_function_list')}

    fresh = sqlite3.connect(':memory:')
    return bool(names(connection) - names(fresh))


def make_sqlite(kind, path, content):
    connection = kind(path or ':memory:', check_same_thread=False)
    if content:
        connection.deserialize(content)
    return connection


def set_sqlite(connection, settings):
    connection.execute(f'pragma foreign_keys = {int(settings.pop("foreign_keys"))}')
    for name, value in settings.items():
        setattr(connection, name, value)


def _reduce_element(element):
    """An element of lxml: its tree once, and its place in there."""
    tree = element.getroottree()
    root = tree.getroot()
    if element is root:
        from lxml import etree

        return make_tree, (etree.tostring(tree), type(element).__module__ == 'lxml.html')
    return find_element, (root, tree.getelementpath(element))


def make_tree(content, is_html):
    from lxml import etree, html

    return html.fromstring(content) if is_html else etree.fromstring(content)


def find_element(root, path):
    found = root.find(path)
    if found is None:
        raise ValueError('the element is not found again')
    return found


def _reduce_element_tree(tree):
    return make_element_tree, (tree.getroot(),)


def make_element_tree(root):
    return root.getroottree()


def _reduce_tensor(tensor):
    """A plain tensor of the processor shares its storage with its views, as arrays do."""
    torch = sys.modules['torch']
    is_plain = tensor.device.type == 'cpu' and tensor.layout == torch.strided and not tensor.is_quantized and tensor.is_leaf
    if not is_plain or tensor.is_conj() or tensor.is_neg() or tensor._backward_hooks:
        return tensor.__reduce_ex__(5)
    storage = _storage_of(tensor)
    arguments = storage, tensor.dtype, tensor.storage_offset(), tuple(tensor.size()), tensor.stride(), tensor.requires_grad, type(tensor)
    state = {'fields': dict(vars(tensor)), 'grad': tensor.grad}
    return make_tensor, arguments, state, None, None, set_tensor


_storages = {}


class Storage:
    """The memory of tensors, as bytes of numpy."""

    def __init__(self, content):
        self.content = content
        self.made = None


def _storage_of(tensor):
    import torch

    whole = tensor.untyped_storage()
    key = whole.data_ptr(), whole.nbytes()
    if key not in _storages:
        flat = torch.empty(0, dtype=torch.uint8).set_(whole)
        _storages[key] = Storage(flat.numpy())
    return _storages[key]


def make_tensor(storage, dtype, offset, size, stride, requires_grad, kind):
    import torch

    if storage.made is None:
        storage.made = torch.from_numpy(storage.content)
    whole = storage.made.untyped_storage()
    tensor = torch.empty(0, dtype=dtype).set_(whole, offset, size, stride)
    if kind is torch.nn.Parameter:
        return torch.nn.Parameter(tensor, requires_grad)
    tensor.requires_grad_(requires_grad)
    return tensor


def set_tensor(tensor, state):
    vars(tensor).update(state['fields'])
    if state['grad'] is not None:
        tensor.grad = state['grad']


EXACT = {
    'sqlite3.Connection': _reduce_sqlite,
    'torch.Tensor': _reduce_tensor,
    'torch.nn.parameter.Parameter': _reduce_tensor,
    'lxml.etree._Element': _reduce_element,
    'lxml.html.HtmlElement': _reduce_element,
    'lxml.etree._ElementTree': _reduce_element_tree,
}
DERIVED = {
    'sqlite3.Connection': _reduce_sqlite,
    'sqlite3.Cursor': refuse('it is in the middle of its answer'),
    'sqlite3.Blob': refuse('it is open'),
    '_duckdb.DuckDBPyConnection': refuse('it is a connection'),
    'duckdb.duckdb.DuckDBPyConnection': refuse('it is a connection'),
    '_duckdb.DuckDBPyRelation': refuse('it belongs to a connection'),
    'duckdb.duckdb.DuckDBPyRelation': refuse('it belongs to a connection'),
    'h5py._hl.base.HLObject': refuse('it is open'),
    'sqlalchemy.engine.base.Engine': refuse('it holds connections'),
    'sqlalchemy.engine.base.Connection': refuse('it is a connection'),
    'sqlalchemy.orm.session.Session': refuse('it holds connections'),
}
