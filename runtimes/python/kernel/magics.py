"""Magics that IPython has otherwise: scripts on the cell's own streams, and installers, for which there is no network."""

import contextlib
import io
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
    """Answers `pip <line>` and its like as the command does. Raises UsageError where that fails."""
    import pip

    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        code = pip.main(shlex.split(line, comments=True))
    if code != 0:
        raise UsageError(said.getvalue().strip().removeprefix('ERROR: '))


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
