"""Removes what is in packages and helps no program: their own tests, source maps, debug symbols, parts that need a network.

Runs once, while the image is built, before bytecode is compiled. What Debian packages bring and can be named by a path is left
out by `exclude` of image.json instead.
"""

import os
import pathlib
import shutil
import subprocess

debian = pathlib.Path('/usr/lib/python3/dist-packages')
pypi = pathlib.Path('/usr/local/lib/python3.13/dist-packages')
npm = pathlib.Path('/node_modules')

# Tests that their package imports when a program imports the package.
imported_tests = {
    'astropy/tests',
    'bottleneck/tests',
    'h5py/_debian_h5py_serial/tests',
    'numexpr/tests',
    'pulp/tests',
    'tables/tests',
    'visions/test',
}
# numpy.testing imports this one file of tests.
imported_files = {'numpy/_core/tests/_natype.py'}

# Clients of servers on a network, C++ headers and sources of extensions that are compiled already.
parts = [
    'pyarrow/_flight.*',
    'pyarrow/libarrow_flight.so*',
    'pyarrow/libarrow_python_flight.so*',
    'pyarrow/_s3fs.*',
    'pyarrow/libarrow_s3.so*',
    'pyarrow/_pyarrow_cpp_tests.*',
    'pyarrow/include',
    'pyarrow/src',
    'prophet/stan_model/cmdstan-*/stan/lib/stan_math/lib/tbb_*/src',
    'spacy/**/*.cpp',
    'thinc/**/*.cpp',
    'blis/**/*.c',
]

# Thousands of small files that are read as bytecode alone: half of their room.
bytecode_only = [debian / 'plotly/validators', debian / 'plotly/graph_objs', debian / 'phonenumbers/geodata']


def remove(path: pathlib.Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def remove_python_tests() -> None:
    for root in (debian, pypi):
        for folder, names, _files in os.walk(root):
            for name in [name for name in names if name in ('tests', 'test', '__pycache__')]:
                path = pathlib.Path(folder, name)
                short = path.relative_to(root).as_posix()
                if name == '__pycache__' or short in imported_tests:
                    continue
                names.remove(name)
                kept = [file for file in imported_files if file.startswith(f'{short}/')]
                if kept:
                    for entry in path.iterdir():
                        if f'{short}/{entry.name}' not in kept and entry.name != '__init__.py':
                            remove(entry)
                else:
                    remove(path)


def remove_parts() -> None:
    for pattern in parts:
        for path in sorted(pypi.glob(pattern)):
            remove(path)


def remove_from_npm() -> None:
    # For machines that its native part does not fit.
    for path in npm.glob('oxc-transform/*.wasm'):
        path.unlink()
    for folder, names, files in os.walk(npm):
        for name in files:
            if name.endswith('.map'):
                os.unlink(os.path.join(folder, name))
        # Of a package itself: deeper, a folder of such a name may be code.
        if os.path.exists(os.path.join(folder, 'package.json')):
            for name in [name for name in names if name in ('test', 'tests', '__tests__', 'examples', 'benchmark', '.github')]:
                names.remove(name)
                shutil.rmtree(os.path.join(folder, name))


def strip() -> None:
    """Debug symbols of what PyPI and npm bring. Libraries that a wheel carries along are rewritten in ways strip does not know."""
    files = [pathlib.Path('/usr/local/bin/node'), *pypi.glob('kaleido/executable/bin/kaleido')]
    for root in (pypi, npm):
        for folder, _names, names in os.walk(root):
            if folder.endswith('.libs') and root == pypi:
                continue
            files += [pathlib.Path(folder, name) for name in names if name.endswith(('.so', '.node')) or '.so.' in name]
    for file in files:
        with open(file, 'rb') as opened:
            if opened.read(4) != b'\x7fELF':
                continue
        subprocess.run(['strip', '--strip-unneeded', str(file)], check=True)


def keep_bytecode_only() -> None:
    for folder in bytecode_only:
        subprocess.run(['python3', '-m', 'compileall', '-q', '-b', '-f', '-j', '0', str(folder)], check=True)
        for path in sorted(folder.rglob('*')):
            if path.suffix == '.py':
                path.unlink()
            elif path.name == '__pycache__':
                shutil.rmtree(path)


def link_equal_libraries() -> None:
    """Wheels hold no links: a library under three names is there three times."""
    for folder in (pypi / 'pyarrow',):
        seen: dict[bytes, pathlib.Path] = {}
        for path in sorted(folder.glob('lib*.so*')):
            content = path.read_bytes()
            if content in seen:
                path.unlink()
                os.link(seen[content], path)
            else:
                seen[content] = path


remove_python_tests()
remove_parts()
remove_from_npm()
strip()
link_equal_libraries()
keep_bytecode_only()
