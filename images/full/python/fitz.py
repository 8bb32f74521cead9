"""The old name of PyMuPDF, which Debian leaves out and most programs use."""

from pymupdf import *  # noqa: F403
from pymupdf import TOOLS, __doc__, __version__, mupdf  # noqa: F401
