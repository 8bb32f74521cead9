"""Pictures, and drawings in SVG."""

import base64
import io
import xml.etree.ElementTree as ElementTree

from . import drawing
from .document import Document, Part, Refused, clip
from .separated import read_text

# Pixels of a picture that is decoded.
_MOST_PIXELS = 100_000_000


def _pillow():
    try:
        from PIL import Image
    except ImportError:
        raise Refused('unavailable', 'Pillow') from None
    try:
        import pillow_heif

        pillow_heif.register_heif_opener()
    except ImportError:
        pass
    # Before anything is decoded, the size that the file tells decides.
    Image.MAX_IMAGE_PIXELS = _MOST_PIXELS // 2
    return Image


def read(request):
    image_library = _pillow()
    try:
        image = image_library.open(request.path)
    except image_library.DecompressionBombError:
        raise Refused('too_large') from None
    except image_library.UnidentifiedImageError:
        raise Refused('corrupt') from None
    facts = {'width': image.width, 'height': image.height, 'frames': getattr(image, 'n_frames', 1)}
    if facts['frames'] == 1:
        del facts['frames']
    details = {'format': image.format, 'colours': image.mode, **_exif(image)}
    draw = lambda: _scaled(image_library, image, request.page, request.width)
    document = Document('image', facts, [], details, [], draw)
    if request.form == 'html':
        document.parts = [Part('image', data=draw())]
    else:
        lines = [f'{facts["width"]}×{facts["height"]} pixels', *(f'{name}: {value}' for name, value in details.items() if value)]
        document.parts = [Part('text', clip(line, 200)) for line in lines]
    return document


def _exif(image):
    """What a camera has written; never where that was."""
    names = {271: 'camera maker', 272: 'camera', 306: 'taken', 305: 'software', 270: 'description', 315: 'artist'}
    try:
        found = image.getexif()
    except Exception:
        return {}
    return {name: clip(str(found[tag]), 100) for tag, name in names.items() if tag in found}


def _scaled(image_library, image, page, width):
    from PIL import ImageOps

    try:
        if page > 1 and getattr(image, 'n_frames', 1) > 1:
            image.seek(min(page, image.n_frames) - 1)
        image.draft('RGB', (width, width))
        small = ImageOps.exif_transpose(image)
        height = max(1, round(small.height * width / small.width))
        if small.width > width or height > drawing.MOST_HEIGHT:
            small.thumbnail((width, drawing.MOST_HEIGHT))
        if small.mode not in ('RGB', 'RGBA', 'L', 'LA', 'P'):
            small = small.convert('RGB')
        out = io.BytesIO()
        small.save(out, 'PNG')
    except image_library.DecompressionBombError:
        raise Refused('too_large') from None
    except (OSError, SyntaxError, ValueError, EOFError):
        raise Refused('corrupt') from None
    return out.getvalue()


def read_svg(request):
    text, _ = read_text(request.path, 8 << 20)
    if '<!ENTITY' in text[:1 << 20].upper():
        # Entities can make a small file a huge one.
        raise Refused('too_large')
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        raise Refused('corrupt') from None
    draw = lambda: _svg_png(text, request.width)
    texts = [''.join(each.itertext()) for each in root.iter('{http://www.w3.org/2000/svg}text')]
    details = {name: clip(root.get(name), 40) for name in ('width', 'height', 'viewBox') if root.get(name)}
    document = Document('drawing', {'excerpt': clip(' '.join(texts), 400)}, [], details, [], draw)
    if request.form == 'html':
        document.parts = [Part('image', data=draw())]
    else:
        document.parts = [Part('code', text, language='xml')]
    return document


def _svg_png(text, width):
    try:
        import cairosvg
    except ImportError:
        raise Refused('unavailable', 'CairoSVG') from None
    from defusedxml.common import DefusedXmlException

    try:
        # Not unsafe: no entities, and nothing that the drawing names is fetched.
        data = cairosvg.svg2png(bytestring=text.encode(), output_width=width, unsafe=False)
    except DefusedXmlException:
        raise Refused('too_large') from None
    image = _pillow().open(io.BytesIO(data))
    if image.height > drawing.MOST_HEIGHT:
        return _scaled(_pillow(), image, 1, width)
    return data


def data_url(png):
    return 'data:image/png;base64,' + base64.b64encode(png).decode()
