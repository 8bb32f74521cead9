"""Pictures of documents that have no pages of their own: their first lines, or the first cells of their table."""

import io

from .document import Refused, clip, plain

MOST_HEIGHT = 4096
_INK, _QUIET, _LINE, _PAPER = '#1d1c19', '#5d5a51', '#dedbd2', '#fffefb'


def draw(document, width):
    """The beginning of a document as a PNG that is as wide as asked and three quarters as high."""
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError:
        raise Refused('unavailable', 'Pillow') from None
    from . import sanitise

    height = width * 3 // 4
    size = max(9, width // 40)
    image = Image.new('RGB', (width, height), _PAPER)
    pen = ImageDraw.Draw(image)
    fonts = {name: _font(ImageFont, name, size) for name in ('DejaVuSans', 'DejaVuSans-Bold', 'DejaVuSansMono')}
    step, margin = round(size * 1.45), size
    top = margin
    for part in document.parts:
        if top > height:
            break
        if part.kind == 'table':
            top = _table(pen, part.table, fonts, (margin, top, width - margin, height), step)
            continue
        text = sanitise.text_of(part.text[:20_000]) if part.kind == 'html' else part.text[:20_000]
        font = fonts['DejaVuSans-Bold' if part.kind == 'heading' else 'DejaVuSansMono' if part.kind == 'code' else 'DejaVuSans']
        for line in plain(text).split('\n')[: height // step + 1]:
            pen.text((margin, top), line.expandtabs(4)[:200], fill=_INK, font=font)
            top += step
        top += step // 3
    out = io.BytesIO()
    image.save(out, 'PNG', optimize=False)
    return out.getvalue()


def _font(library, name, size):
    try:
        return library.truetype(f'/usr/share/fonts/truetype/dejavu/{name}.ttf', size)
    except OSError:
        return library.load_default()


def _table(pen, table, fonts, box, step):
    left, top, right, bottom = box
    shown = max(1, min(len(table.columns), 6))
    across = (right - left) / shown
    rows = [[column.name for column in table.columns[:shown]], *(row[:shown] for row in table.rows)]
    for number, row in enumerate(rows):
        if top > bottom:
            break
        for index, value in enumerate(row):
            font = fonts['DejaVuSans-Bold' if number == 0 else 'DejaVuSans']
            text = clip(value, 60)
            while text and font.getlength(text) > across - 6:
                text = text[:-1]
            is_number = number > 0 and table.columns[index].type in ('whole', 'number')
            x = left + (index + 1) * across - 6 - font.getlength(text) if is_number else left + index * across
            pen.text((x, top), text, fill=_QUIET if number == 0 else _INK, font=font)
        top += step
        pen.line((left, top - step // 6, right, top - step // 6), fill=_LINE)
    return top + step // 2
