"""Makes one form of one document: `{form}` beside it, or `refused` with the reason why there is none."""

import json
import os
import sys

from . import drawing, kinds, render
from .document import Refused, Request

# A summary is told to models, and read in one piece by the service.
_MOST_SUMMARY = 64 * 1024
_OUT = '/mnt/data/out'


def main():
    request = Request(**json.loads(sys.argv[1]))
    os.makedirs(_OUT, exist_ok=True)
    try:
        name, data = request.form, _made(request)
    except Refused as refused:
        name, data = 'refused', json.dumps({'reason': refused.reason, 'needs': refused.needs}).encode()
    except (MemoryError, RecursionError):
        name, data = 'refused', b'{"reason": "too_large", "needs": null}'
    except Exception as error:
        # Libraries refuse what they cannot read in many ways. Only its name is told: the text may be the document's own.
        print(type(error).__name__, file=sys.stderr)
        name, data = 'refused', b'{"reason": "corrupt", "needs": null}'
    with open(os.path.join(_OUT, name), 'wb') as file:
        file.write(data)


def _made(request):
    document = kinds.reader_of(request)(request)
    if request.form == 'json':
        return render.as_json(document, min(request.max_bytes, _MOST_SUMMARY))
    if request.form == 'text':
        return render.as_text(document, request.max_bytes)
    if request.form == 'html':
        return render.as_html(document, request.max_bytes)
    data = document.draw() if document.draw else drawing.draw(document, request.width)
    if len(data) > request.max_bytes:
        raise Refused('too_large')
    return data

