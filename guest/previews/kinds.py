"""Which reader reads a file: its first bytes decide, and its name where they do not."""

import os
import zipfile

from . import archives, columnar, databases, documents, images, media, notebooks, office, pdfs, separated, slides, spreadsheets, texts
from .document import Refused

_PICTURES = {'png', 'jpg', 'jpeg', 'gif', 'webp', 'bmp', 'tif', 'tiff', 'ico', 'heic', 'heif', 'avif', 'psd', 'tga', 'ppm', 'pgm', 'jp2'}
_MEDIA = {'mp3', 'wav', 'flac', 'ogg', 'oga', 'opus', 'm4a', 'aac', 'wma', 'aiff', 'mp4', 'm4v', 'mov', 'avi', 'mkv', 'webm', 'mpg', 'mpeg'}
_MAGIC = (
    (b'%PDF-', pdfs.read),
    (b'SQLite format 3\0', databases.read),
    (b'PAR1', columnar.read_parquet),
    (b'ARROW1', columnar.read_arrow),
    (b'FEA1', columnar.read_arrow),
    (b'\x93NUMPY', columnar.read_numpy),
    (b'\x89HDF\r\n\x1a\n', columnar.read_hdf5),
    (b'\x89PNG\r\n\x1a\n', images.read),
    (b'\xff\xd8\xff', images.read),
    (b'GIF8', images.read),
    (b'II*\0', images.read),
    (b'MM\0*', images.read),
    (b'7z\xbc\xaf\x27\x1c', archives.read_7z),
    (b'\x1f\x8b', archives.read_tar),
    (b'{\\rtf', documents.read_by_pandoc('rtf')),
)
_BY_NAME = {
    'pdf': pdfs.read,
    'docx': documents.read_word,
    'docm': documents.read_word,
    'odt': documents.read_by_pandoc('odt'),
    'epub': documents.read_by_pandoc('epub'),
    'pptx': slides.read_pptx,
    'odp': slides.read_odp,
    'npz': columnar.read_numpy,
    'npy': columnar.read_numpy,
    'parquet': columnar.read_parquet,
    'feather': columnar.read_arrow,
    'arrow': columnar.read_arrow,
    **dict.fromkeys(('h5', 'hdf5'), columnar.read_hdf5),
    **dict.fromkeys(('xlsx', 'xlsm', 'xls', 'xlsb', 'ods'), spreadsheets.read),
    **dict.fromkeys(('sqlite', 'sqlite3', 'db'), databases.read),
    **dict.fromkeys(('zip', 'jar', 'whl'), archives.read_zip),
    **dict.fromkeys(('tar', 'tgz', 'tbz2', 'txz'), archives.read_tar),
    **dict.fromkeys(_PICTURES, images.read),
    **dict.fromkeys(_MEDIA, media.read),
}
_OF_TEXT = {
    **dict.fromkeys(('csv', 'tsv', 'tab'), separated.read),
    **dict.fromkeys(('jsonl', 'ndjson'), separated.read_json_lines),
    **dict.fromkeys(('md', 'markdown'), documents.read_markdown),
    **dict.fromkeys(('html', 'htm', 'xhtml'), documents.read_html),
    'json': texts.read_json,
    'geojson': texts.read_json,
    'ipynb': notebooks.read,
    'svg': images.read_svg,
    'eml': documents.read_mail,
}


def reader_of(request):
    with open(request.path, 'rb') as file:
        head = file.read(8192)
    if not head:
        return texts.read_text
    if head.startswith(b'PK') and request.extension not in ('xlsx', 'xlsm', 'xlsb', 'docx', 'docm', 'pptx', 'odt', 'ods', 'odp', 'epub', 'npz'):
        return archives.read_zip
    if request.extension in ('xlsx', 'xlsm', 'xlsb', 'ods') and head.startswith(b'PK'):
        _check_unpacked(request.path)
    if request.extension == 'xls' or head.startswith(b'\xd0\xcf\x11\xe0'):
        return _old_office(request)
    by_magic = next((reader for magic, reader in _MAGIC if head.startswith(magic)), None)
    if by_magic:
        return by_magic
    if request.extension in _BY_NAME:
        return _BY_NAME[request.extension]
    if b'\0' in head and not head.startswith((b'\xff\xfe', b'\xfe\xff')):
        return texts.read_bytes
    return _OF_TEXT.get(request.extension, texts.read_text)


def _check_unpacked(path):
    try:
        office.check_package(path)
    except zipfile.BadZipFile:
        raise Refused('corrupt') from None


def _old_office(request):
    """Files of Office before 2007, and locked ones of later: both are OLE containers."""
    if request.extension in ('docx', 'pptx', 'xlsx', 'xlsm', 'docm', 'odt', 'ods'):
        raise Refused('encrypted')
    if request.extension == 'xls':
        return spreadsheets.read
    if request.extension in ('doc', 'ppt') and os.path.getsize(request.path):
        return pages_only
    return texts.read_bytes


def pages_only(request):
    """What only LibreOffice reads: it becomes a PDF, and that is read."""
    pdf = office.as_pdf(request)
    extension, request.path = request.extension, pdf
    document = pdfs.read(request)
    document.kind = 'presentation' if extension == 'ppt' else 'document'
    return document
