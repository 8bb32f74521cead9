"""Pages of Office documents as LibreOffice lays them out, and what is checked before an Office file is read."""

import os
import shutil
import subprocess
import tempfile
import zipfile

from . import pdfs
from .document import Refused

_CONVERTING = 18
# What all entries of an Office file may be unpacked, and how many these may be.
_MOST_UNPACKED = 512 << 20
_MOST_ENTRIES = 20_000


def check_package(path):
    """Raises Refused for a file that is locked, no archive, or a bomb."""
    with open(path, 'rb') as file:
        head = file.read(8)
    if head == b'\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1':
        raise Refused('encrypted')
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if len(entries) > _MOST_ENTRIES or sum(entry.file_size for entry in entries) > _MOST_UNPACKED:
                raise Refused('too_large')
            if any(entry.flag_bits & 1 for entry in entries):
                raise Refused('encrypted')
            if 'META-INF/manifest.xml' in archive.namelist():
                with archive.open('META-INF/manifest.xml') as file:
                    if b'encryption-data' in file.read(1 << 20):
                        raise Refused('encrypted')
    except (zipfile.BadZipFile, NotImplementedError, OSError, EOFError):
        raise Refused('corrupt') from None


def page_png(request):
    """A page of a document as a PNG; the last one where there are fewer."""
    found = _converted(request, request.page)
    if found:
        return pdfs.page_png(found, 1, request.width)
    return pdfs.page_png(as_pdf(request), request.page, request.width)


def as_pdf(request):
    found = _converted(request, None)
    if not found:
        raise Refused('corrupt')
    return found


def _converted(request, page):
    """The document, or one page of it, as a PDF; None where there is no such page."""
    if not shutil.which('soffice'):
        raise Refused('unavailable', 'LibreOffice')
    folder = tempfile.mkdtemp(dir='/tmp')
    source = os.path.join(folder, f'document.{request.extension}')
    os.symlink(os.path.abspath(request.path), source)
    command = ['soffice', '-env:UserInstallation=file:///tmp/office', '--headless', '--norestore', '--nolockcheck', '--nodefault']
    command += ['--convert-to', f'pdf:{_filter(request.extension, page)}', '--outdir', folder, source]
    try:
        subprocess.run(command, capture_output=True, timeout=_CONVERTING, check=False, stdin=subprocess.DEVNULL, cwd=folder)
    except subprocess.TimeoutExpired:
        raise Refused('took_too_long') from None
    target = os.path.join(folder, 'document.pdf')
    return target if os.path.exists(target) else None


def _filter(extension, page):
    name = {'pptx': 'impress', 'ppt': 'impress', 'odp': 'impress'}.get(extension, 'writer') + '_pdf_Export'
    return name if page is None else f'{name}:{{"PageRange":{{"type":"string","value":"{page}"}}}}'
