"""Presentations: pptx by python-pptx, odp by its own XML."""

import xml.etree.ElementTree as ElementTree
import zipfile

from . import office
from .document import Document, Part, Refused, clip, plain

_MOST_SLIDES = 200
_MOST_SHAPES = 200


def read_pptx(request):
    office.check_package(request.path)
    try:
        import pptx
    except ImportError:
        raise Refused('unavailable', 'python-pptx') from None
    show = pptx.Presentation(request.path)
    slides = [_slide_texts(slide) for slide in list(show.slides)[:_MOST_SLIDES]]
    about = show.core_properties
    details = {'author': about.author, 'modified': about.modified}
    return _document(request, about.title, len(show.slides), slides, details)


def _slide_texts(slide):
    """(title, texts, notes) of a slide."""
    title = slide.shapes.title.text_frame.text if slide.shapes.title is not None else ''
    texts = []
    for shape in list(slide.shapes)[:_MOST_SHAPES]:
        if shape.has_text_frame and shape.text_frame.text.strip() and shape.text_frame.text != title:
            texts.append(shape.text_frame.text)
        elif getattr(shape, 'has_table', False) and shape.has_table:
            texts += ['\t'.join(cell.text for cell in row.cells) for row in shape.table.rows]
    notes = slide.notes_slide.notes_text_frame if slide.has_notes_slide else None
    return title, texts, notes.text if notes is not None else ''


def read_odp(request):
    office.check_package(request.path)
    text, draw = '{urn:oasis:names:tc:opendocument:xmlns:text:1.0}', '{urn:oasis:names:tc:opendocument:xmlns:drawing:1.0}'
    try:
        with zipfile.ZipFile(request.path) as archive:
            root = ElementTree.fromstring(archive.read('content.xml'))
    except (KeyError, ElementTree.ParseError, zipfile.BadZipFile):
        raise Refused('corrupt') from None
    pages = list(root.iter(draw + 'page'))
    slides = []
    for page in pages[:_MOST_SLIDES]:
        lines = [''.join(each.itertext()) for each in page.iter(text + 'p')]
        lines = [line for line in lines if line.strip()]
        slides.append((lines[0] if lines else '', lines[1:], ''))
    return _document(request, '', len(pages), slides, {})


def _document(request, title, count, slides, details):
    parts, outline, words = [], [], 0
    for number, (heading, texts, notes) in enumerate(slides, 1):
        heading = clip(heading, 200)
        outline.append(heading or f'Slide {number}')
        parts.append(Part('heading', f'{number}. {heading}' if heading else f'Slide {number}'))
        parts += [Part('text', plain(text.replace('\v', '\n'))) for text in texts]
        if notes.strip():
            parts.append(Part('text', 'Notes: ' + plain(notes)))
        words += sum(len(text.split()) for text in [heading, *texts, notes])
    facts = {'title': clip(title or '', 200), 'pages': count, 'words': words, 'outline': outline[:50]}
    return Document('presentation', facts, parts, details, [], lambda: office.page_png(request))
