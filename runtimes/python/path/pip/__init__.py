"""pip in a sandbox without a network: it answers at once, from what the image holds.

It takes the place of the real one (PYTHONPATH), which would try the network and then advise things that do not work here either.
Files and folders that are there are left to the real one.
"""

import importlib.metadata
import importlib.util
import json
import os
import re
import sys

__version__ = '0'

_HINTS = '/usr/share/dragoman/hints.json'
# Modules whose package has another name.
_PACKAGES = {
    'bs4': 'beautifulsoup4',
    'cv2': 'opencv-python',
    'dateutil': 'python-dateutil',
    'docx': 'python-docx',
    'fitz': 'PyMuPDF',
    'pil': 'Pillow',
    'pptx': 'python-pptx',
    'sklearn': 'scikit-learn',
    'skimage': 'scikit-image',
    'yaml': 'PyYAML',
}
# Options with a value of their own.
_VALUED = ('-c', '-i', '-t', '-f', '-n', '-p', '--index-url', '--extra-index-url', '--target', '--prefix', '--root', '--channel')


def main(arguments=None):
    """Answers a command line; returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    verb = next((word for word in words if not word.startswith('-')), '')
    if verb == 'pip':  # `uv pip install`
        words.remove('pip')
        return main(words)
    words = words[words.index(verb) + 1 :] if verb else words
    if verb in ('install', 'add'):
        return _install(words)
    if verb in ('list', 'freeze'):
        for name, version in sorted({(found.name, found.version) for found in importlib.metadata.distributions()}):
            print(f'{name}=={version}')
        return 0
    if verb == 'show':
        return max((_show(word) for word in words if not word.startswith('-')), default=1)
    if not verb and any(word in ('--version', '-V') for word in words):
        print(f'pip {importlib.metadata.version("pip")} (without a network)')
        return 0
    print(f'{verb or "pip"}: there is no network here: `install`, `list`, `freeze` and `show` are answered.', file=sys.stderr)
    return 1


def _install(words):
    names, quiet, files = [], False, []
    while words:
        word = words.pop(0)
        if word in ('-q', '-qq', '-qqq', '--quiet'):
            quiet = True
        elif word in ('-r', '--requirement') and words:
            try:
                names += _required(words.pop(0))
            except OSError as error:
                print(f'ERROR: Could not open requirements file: {error}', file=sys.stderr)
                return 1
        elif word in ('-e', '--editable') and words:
            files.append(words.pop(0))
        elif word in _VALUED:
            del words[:1]
        elif word.startswith('-'):
            continue
        elif os.path.exists(word) and (os.sep in word or word == '.' or word.endswith(('.whl', '.gz', '.zip'))):
            files.append(word)
        else:
            names.append(word)
    missing = []
    for name in names:
        name = re.split(r'[\[<>=!~;@ ]', name.strip(), maxsplit=1)[0]
        version = _version(name)
        if version is None:
            missing.append(name)
        elif not quiet:
            print(f'Requirement already satisfied: {name} ({version})')
    for name in missing:
        print(f'ERROR: {refusal(name)}', file=sys.stderr)
    if missing:
        return 1
    if files:
        return _really(['install', *files])
    if not names:
        print('ERROR: You must give at least one requirement to install', file=sys.stderr)
        return 1
    return 0


def refusal(name):
    """Why a package cannot be had, and what does the same."""
    try:
        with open(_HINTS) as file:
            hints = json.load(file)['modules']
    except (OSError, ValueError, KeyError):
        hints = {}
    hint = hints.get(name) or hints.get(name.replace('-', '_').lower()) or '`pip list` lists what is here.'
    return f'{name} is not installed, and nothing can be installed: there is no network. {hint}'


def _required(path):
    with open(path, encoding='utf-8') as file:
        lines = (re.sub(r'(^|\s)#.*', '', line).strip() for line in file)
        return [line for line in lines if line and not line.startswith('-')]


def _version(name):
    """The version of an installed package, by its name or its module's; None when there is none."""
    for candidate in (name, _PACKAGES.get(name.lower(), '')):
        try:
            return importlib.metadata.version(candidate)
        except Exception:
            pass
    # Packages of the system, and those that are installed under another name.
    if re.fullmatch(r'[A-Za-z_]\w*', name.replace('-', '_')) and name.lower() not in ('pip', 'main'):
        try:
            if importlib.util.find_spec(name.replace('-', '_')):
                return 'of the image'
        except (ImportError, ValueError):
            pass
    return None


def _show(name):
    try:
        about = importlib.metadata.metadata(name)
    except Exception:
        print(f'WARNING: Package(s) not found: {name}', file=sys.stderr)
        return 1
    for key in ('Name', 'Version', 'Summary', 'Home-page', 'License'):
        print(f'{key}: {about.get(key, "")}')
    return 0


def _really(words):
    """Lets the real pip do it, which needs no network for files."""
    import subprocess

    environment = {**os.environ, 'PYTHONPATH': '', 'PIP_NO_INDEX': '1', 'PIP_BREAK_SYSTEM_PACKAGES': '1'}
    return subprocess.call([sys.executable, '-m', 'pip', *words], env=environment)
