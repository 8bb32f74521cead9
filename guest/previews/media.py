"""Sound and film: what ffprobe tells, and a picture of the film."""

import json
import shutil
import subprocess

from .document import Document, Part, Refused, clip

_PATIENCE = 10
# Only the file itself is read, whatever a playlist in it names.
_CLOSED = ['-protocol_whitelist', 'file,pipe']


def read(request):
    if not shutil.which('ffprobe'):
        raise Refused('unavailable', 'ffmpeg')
    found = json.loads(_run(['ffprobe', '-v', 'error', *_CLOSED, '-of', 'json', '-show_format', '-show_streams', request.path]) or b'{}')
    streams, container = found.get('streams') or [], found.get('format') or {}
    if not streams:
        raise Refused('corrupt')
    film = next((each for each in streams if each.get('codec_type') == 'video' and not _is_cover(each)), None)
    facts = {'seconds': round(float(container.get('duration') or 0), 2) or None}
    if film:
        facts.update(width=film.get('width'), height=film.get('height'))
    tags = {str(name).lower(): value for name, value in (container.get('tags') or {}).items()}
    facts['title'] = clip(str(tags.get('title', '')), 200)
    details = {'format': container.get('format_long_name'), 'artist': tags.get('artist'), 'album': tags.get('album')}
    for number, each in enumerate(streams[:8], 1):
        words = [each.get('codec_name'), each.get('sample_rate') and f'{each["sample_rate"]} Hz', each.get('channel_layout')]
        details[f'{each.get("codec_type", "stream")} {number}'] = ', '.join(str(word) for word in words if word)
    lines = [f'{name}: {value}' for name, value in {**facts, **details}.items() if value]
    parts = [Part('text', clip(line, 200)) for line in lines]
    document = Document('film' if film else 'sound', facts, parts, details)
    document.draw = (lambda: _frame(request, facts['seconds'] or 0)) if film else (lambda: _wave(request))
    return document


def _is_cover(stream):
    return bool((stream.get('disposition') or {}).get('attached_pic'))


def _run(command):
    try:
        return subprocess.run(command, capture_output=True, timeout=_PATIENCE, check=False, stdin=subprocess.DEVNULL).stdout
    except subprocess.TimeoutExpired:
        raise Refused('took_too_long') from None


def _frame(request, seconds):
    at = str(min(seconds / 10, 5))
    return _picture(['-ss', at, *_CLOSED, '-i', request.path, '-frames:v', '1', '-vf', f"scale='min({request.width},iw)':-2"])


def _wave(request):
    wave = f'showwavespic=s={request.width}x{max(40, request.width // 4)}:colors=0x0a665a'
    return _picture([*_CLOSED, '-t', '600', '-i', request.path, '-filter_complex', wave, '-frames:v', '1'])


def _picture(arguments):
    found = _run(['ffmpeg', '-v', 'error', '-nostdin', *arguments, '-f', 'image2pipe', '-c:v', 'png', '-'])
    if not found.startswith(b'\x89PNG'):
        raise Refused('corrupt')
    return found
