"""Starts a zygote: python3 <this folder> '{"imports":[…],"warm":…}'."""

import importlib.util
import sys

# The folder becomes the package `dragoman_guest`. It does not stay on the import path: a program's own modules may be called
# `agent` or `namespaces`.
folder = sys.path.pop(0)
spec = importlib.util.spec_from_file_location('dragoman_guest', f'{folder}/__init__.py')
sys.modules['dragoman_guest'] = importlib.util.module_from_spec(spec)

from dragoman_guest.namespaces import zygote

zygote.start()
