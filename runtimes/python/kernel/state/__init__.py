"""The state of a kernel: written down when its sandbox may have to go, and taken in by another kernel before its first cell.

The orders and the stream are described in docs/reference/guest-protocol.md. What is saved and how: dump.py; in which processes:
saver.py; how it comes back: load.py and restorer.py.
"""

from .beginning import begin
from .hints import Hints
from .link import StateLink

__all__ = ['Hints', 'StateLink', 'begin']
