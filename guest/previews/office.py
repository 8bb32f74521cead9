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
    """A page of a document as a PNG."""
    return pdfs.page_png(as_pdf(request), request.page, request.width)


def as_pdf(request):
    if not shutil.which('soffice'):
        raise Refused('unavailable', 'LibreOffice')
    folder = tempfile.mkdtemp(dir='/tmp')
    source = os.path.join(folder, f'document.{request.extension}')
    os.symlink(os.path.abspath(request.path), source)
    command = ['soffice', '-env:UserInstallation=file:///tmp/office', '--headless', '--norestore', '--nolockcheck', '--nodefault']
    command += ['--convert-to', f'pdf:{_filter(request.extension)}', '--outdir', folder, source]
    try:
        subprocess.run(command, capture_output=True, timeout=_CONVERTING, check=False, stdin=subprocess.DEVNULL, cwd=folder)
    except subprocess.TimeoutExpired:
        raise Refused('took_too_long') from None
    target = os.path.join(folder, 'document.pdf')
    if not os.path.exists(target):
        raise Refused('corrupt')
    return target


def _filter(extension):
    name = {'pptx': 'impress', 'ppt': 'impress', 'odp': 'impress'}.get(extension, 'writer')
    # Pages that are not looked at need not be written; slides are few, and a text has its first pages.
    return name + '_pdf_Export:{"PageRange":{"type":"string","value":"1-50"}}'
