"""Magics that IPython has otherwise: scripts on the cell's own streams, and installers, for which there is no network."""

import importlib.metadata
import re
import shlex
import subprocess
import sys

from IPython.core.error import UsageError

_INSTALLER = re.compile(r'(?:python3? -m )?(pip3?|uv pip|conda|mamba|micromamba)\s+(.*)', re.DOTALL)
_SCRIPTS = ('bash', 'sh', 'perl', 'python', 'python3')
# Options of IPython's script magics: captured streams, background processes.
_OPTIONS = ('--bg', '--out', '--err', '--proc', '--no-raise-error')


def register(shell):
    for name in ('pip', 'conda', 'mamba', 'micromamba'):
        shell.register_magic_function(_installer(name), 'line', name)
    for name in _SCRIPTS:
        usual = shell.find_cell_magic(name)
        shell.register_magic_function(_script(name, usual), 'cell', name)


def answers_installer(shell, command):
    """Whether a shell command is an installer's, which is then answered here as its magic is."""
    found = _INSTALLER.fullmatch(command.strip())
    if found is None or re.search(r'[|&;<>]', command):
        return False
    shell.user_ns['_exit_code'] = 1
    install(found[2])
    shell.user_ns['_exit_code'] = 0
    return True


def install(line):
    """Answers `pip <line>` and its like from what the image holds. Raises UsageError for what it lacks."""
    verb, *words = shlex.split(line, comments=True) or ['']
    if verb in ('list', 'freeze'):
        for name, version in sorted({(found.name, found.version) for found in importlib.metadata.distributions()}):
            print(f'{name}=={version}')
        return
    if verb != 'install':
        raise UsageError('There is no network here and nothing can be installed: only `install` and `list` are answered.')
    missing = []
    for word in words:
        if word.startswith('-'):
            continue
        name = re.split(r'[\[<>=!~; ]', word, maxsplit=1)[0]
        try:
            print(f'Requirement already satisfied: {name} ({importlib.metadata.version(name)})')
        except Exception:
            missing.append(name)
    if missing:
        raise UsageError(
            f'{", ".join(missing)}: not installed, and there is no network to install it from. '
            'Use what the image has (`%pip list`), or upload the package\'s files.'
        )


def _installer(name):
    def magic(line):
        install(line)

    magic.__name__ = name
    magic.__doc__ = f'%{name}: there is no network; `%{name} list` lists what is installed.'
    return magic


def _script(name, usual):
    program = sys.executable if name == 'python' else name

    def magic(line, cell):
        if any(option in line for option in _OPTIONS):
            return usual(line, cell)
        command = [program, *shlex.split(line)]
        done = subprocess.run(command, input=cell.encode())
        if done.returncode != 0:
            raise subprocess.CalledProcessError(done.returncode, shlex.join(command))

    magic.__name__ = name
    magic.__doc__ = f'Runs the cell as the input of {name}, on the cell\'s own streams.'
    return magic
