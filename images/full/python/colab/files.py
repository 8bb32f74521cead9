"""Files of the user lie in the working folder already, and what a program leaves there is theirs."""

import os
import shutil


def upload() -> dict[str, bytes]:
    """The files of the working folder, by name. Colab asks the user for files here."""
    found = {}
    for entry in sorted(os.scandir('.'), key=lambda entry: entry.name):
        if entry.is_file() and not entry.name.startswith('.'):
            with open(entry.path, 'rb') as file:
                found[entry.name] = file.read()
    if not found:
        raise FileNotFoundError('There is no file in the working folder. The user has to attach one to the conversation.')
    return found


def upload_file(filename: str) -> str:
    """Keeps the name of a file that the user attached."""
    if not os.path.exists(filename):
        raise FileNotFoundError(f'{filename} is not in the working folder. The user has to attach it to the conversation.')
    return filename


def download(filename: str) -> None:
    """Gives a file to the user: it is in the working folder, or is copied there."""
    target = os.path.basename(os.path.normpath(filename))
    if not os.path.exists(filename):
        raise FileNotFoundError(f'Cannot find file: {filename}')
    if os.path.abspath(filename) != os.path.abspath(target):
        shutil.copyfile(filename, target)


def view(filepath: str) -> None:
    """Colab opens an editor here."""
    print(filepath)
