"""IPython's shell without its terminal: cells come from the service, and what they show goes into an outbox."""

import asyncio
import builtins
import linecache
import os
import pathlib
import re
import subprocess
import sys
import types

# The completer would load a parser of 10 MB that nothing here asks for.
sys.modules.setdefault('jedi', None)

from IPython.core import page
from IPython.core.async_helpers import get_asyncio_loop
from IPython.core.autocall import IPyAutocall
from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type
from traitlets.config import Config

if sys.modules['jedi'] is None:
    del sys.modules['jedi']


from . import errors, figures, magics, progress, questions, reports, representations, state, tools
from .imports import import_from
from .outbox import Outbox


def prepare():
    """The one shell of this process: made in the template, so that a kernel begins with it by a fork alone."""
    if CellShell.initialized():
        return CellShell.instance()
    return _make(types.ModuleType('__main__'))


def of_program(outbox):
    """The shell of a program that is no cell: over the names of its __main__, showing things in `outbox`."""
    if not CellShell.initialized():
        main = sys.modules['__main__']
        own = builtins.get_ipython
        shell = _make(main)
        builtins.get_ipython = own
        sys.modules['__main__'] = main
        shell.outbox = outbox
        shell.db = {}
    return CellShell.instance()


def _make(main):
    config = Config()
    # No database and no thread that writes it.
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = 'NoColor'
    config.InteractiveShell.xmode = 'Plain'
    return CellShell.instance(config=config, ipython_dir='/tmp/.ipython', user_module=main)


class _CellCompiler(CachingCompiler):
    def __init__(self):
        super().__init__()
        # An unfinished cell is a plain SyntaxError: no more lines follow.
        self.reset_compiler_flags()

    def get_code_name(self, raw_code, transformed_code, number):
        return f'{errors.CELL}{number}>'


class _Result(DisplayHook):
    """The value of a cell's last expression."""

    def __call__(self, result=None):
        self.check_for_underscore()
        if result is None or self.quiet():
            return
        forms, metadata = self.shell.forms_of(result)
        self.update_user_ns(result)
        self.fill_exec_result(result)
        if forms:
            self.shell.outbox.show('result', forms, metadata=metadata)


class _Displays(DisplayPublisher):
    def publish(self, data, metadata=None, source=None, *, transient=None, update=False, **_):
        name = (transient or {}).get('display_id')
        self.shell.outbox.show('display', representations.complete(data), name, update, metadata)

    def clear_output(self, wait=False):
        self.shell.outbox.clear(wait)


class _Exit(IPyAutocall):
    """`exit` and `quit`: they end the cell, with the code they are given; the interpreter stays."""

    rewrite = False

    def __call__(self, code=None):
        raise SystemExit(code)

    def __repr__(self):
        return 'exit() ends the cell'


class CellShell(InteractiveShell):
    displayhook_class = Type(_Result)
    display_pub_class = Type(_Displays)
    compiler_class = Type(_CellCompiler)
    # Where what is shown goes; set when a kernel begins.
    outbox = None
    # What was lost with an earlier sandbox; set when a kernel begins.
    hints = None
    # How the cell runs for a client that is a notebook itself; None: as usual.
    _manner = None

    def __init__(self, **settings):
        super().__init__(**settings)
        self.loop_runner = self._run_coroutine
        self._cancelled_by = None
        self._formatting = None
        self.input_transformer_manager.cleanup_transforms[0] = _keep_line_numbers
        for alias in ('ls', 'lf', 'lk', 'll', 'ldir', 'lx'):
            if self.alias_manager.is_alias(alias):
                command = self.alias_manager.retrieve_alias(alias)
                self.alias_manager.define_alias(alias, command.replace(' --color', ''))
        self.set_hook('show_in_pager', page.as_hook(page.display_page), 99)
        representations.register(self.display_formatter)
        magics.register(self)

    def init_user_ns(self):
        super().init_user_ns()
        for name in ('exit', 'quit'):
            self.user_ns[name] = self.user_ns_hidden[name] = _Exit()
        # IPython's own refuses descriptors that programs may well open.
        self.user_ns.pop('open', None)

    def begin(self, outbox):
        """In a fresh kernel: from here on cells are run."""
        self.outbox = outbox
        self.hints = state.Hints()
        # Where IPython keeps folders and aliases from run to run: there is one run, and without a place `%cd` complains.
        self.db = {}
        self.user_ns['_dh'][:] = [pathlib.Path.cwd()]
        questions.take_over()
        # Each figure of plotly as a page that stands alone; its usual renderer shows the whole library first.
        os.environ.setdefault('PLOTLY_RENDERER', 'plotly_mimetype+colab')
        # What every module has, and those look for who start another Python; a reset has cleared it.
        for name in ('__spec__', '__loader__', '__package__'):
            self.user_ns.setdefault(name, None)
        # Not a name of __main__: processes that start another Python would look for the file.
        builtins.__file__ = os.path.join(os.getcwd(), 'cell.py')
        sys.modules['__main__'] = self.user_module
        sys.argv = ['']
        import_from(os.getcwd())
        figures.take_over()
        progress.take_over()
        state.begin()
        sys.addaudithook(_flush_before_processes)

    def transform_cell(self, raw_cell):
        """What IPython cannot even take apart is left as it is: Python says best what is wrong with it."""
        try:
            return super().transform_cell(raw_cell)
        except SyntaxError:
            return raw_cell

    def should_run_async(self, raw_cell, **facts):
        """Also what asks for a running loop, as notebooks always have one, unless it runs one itself."""
        if super().should_run_async(raw_cell, **facts):
            return True
        code = facts.get('transformed_cell') or ''
        if not _WANTS_LOOP.search(code):
            return False
        if not _RUNS_LOOP.search(code):
            return True
        # It finds one to run, also after an `asyncio.run`, which leaves none.
        asyncio.set_event_loop(get_asyncio_loop())
        return False

    def offer(self, definitions):
        """Gives the cell the tools it may call, by `tools` and by names that are free, and the name of their errors."""
        self.user_ns.update(tools=tools.Tools(definitions), ToolExecutionError=tools.ToolExecutionError)
        for name, function in tools.functions(definitions).items():
            known = self.user_ns.get(name, getattr(builtins, name, None))
            # A tool of an earlier cell makes room; variables and what Python has itself do not.
            if known is None or tools.is_tool(known):
                self.user_ns[name] = function

    def run(self, source, manner=None):
        """Runs one cell; returns its exit code."""
        code = 0
        self._manner = manner
        self.outbox.is_plain = representations.are_plain = manner is not None
        try:
            silent = manner is not None and manner['isSilent']
            stored = manner is None or manner['isRemembered']
            result = self.run_cell(source, store_history=stored and not silent, silent=silent)
            error = result.error_in_exec or result.error_before_exec
            if isinstance(error, SystemExit):
                code = reports.exit_code(error)
            figures.show_open(self)
            if manner and manner['expressions'] and not self.outbox.failed:
                self.outbox.expressions(self.user_expressions(manner['expressions']))
        except BaseException as error:
            self.report(error)
        return code or int(self.outbox.failed)

    def forms_of(self, value):
        """A value in all its forms, and what is said about them. A form that cannot be made is reported, and is an error only when no
        text is left."""
        self._formatting = []
        try:
            forms, metadata = self.display_formatter.format(value)
        finally:
            failures, self._formatting = self._formatting, None
        for failure in failures:
            self.report(failure, is_error='text/plain' not in forms)
        return representations.complete(forms), metadata

    async def run_code(self, code_obj, result=None, *, async_=False):
        """Runs one statement of a cell; True when it failed. In place of IPython's: SystemExit is no failure to explain."""
        try:
            if async_:
                await eval(code_obj, self.user_global_ns, self.user_ns)
            else:
                exec(code_obj, self.user_global_ns, self.user_ns)
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError) and self._cancelled_by:
                error = self._cancelled_by.with_traceback(error.__traceback__)
            if result is not None:
                result.error_in_exec = error
            if not isinstance(error, SystemExit):
                self.report(error)
            return True
        return False

    def _run_coroutine(self, coroutine):
        """Runs a cell with `await` in it. What an interrupt leaves of it must not go on with the next cell."""
        loop = get_asyncio_loop()
        task = loop.create_task(coroutine)
        try:
            return loop.run_until_complete(task)
        except BaseException as error:
            if task.done():
                raise
            self._cancelled_by = error
            task.cancel()
            try:
                return loop.run_until_complete(task)
            finally:
                self._cancelled_by = None

    def showtraceback(self, exc_tuple=None, *_args, **_keywords):
        error = exc_tuple[1] if exc_tuple else (sys.exception() or getattr(sys, 'last_exc', None))
        if error is None:
            print('No traceback available to show.', file=sys.stderr)
        elif self._formatting is not None:
            self._formatting.append(error)
        elif not isinstance(error, SystemExit):
            self.report(error)

    def showsyntaxerror(self, *_args, **_keywords):
        self.report(sys.exception())

    def show_usage_error(self, exc):
        self.report(exc)

    def report(self, error, is_error=True):
        if self.hints:
            self.hints.explain(error, self.user_ns)
        sys.last_type, sys.last_value, sys.last_traceback, sys.last_exc = type(error), error, error.__traceback__, error
        lines = errors.lines(error)
        told = type(error).__name__, errors.value(error), lines
        if is_error and self._manner is not None and self.outbox.error(*told):
            return
        try:
            sys.stderr.write('\n'.join(lines) + '\n')
            sys.stderr.flush()
        except Exception:
            pass  # Its stderr may be anything by now.
        if is_error and self._manner is None:
            self.outbox.error(*told)

    def system(self, command):
        """`!command`, on the cell's own streams."""
        command = self.var_expand(command, depth=1)
        if magics.answers_installer(self, command):
            return
        code = subprocess.call(command, shell=True, executable='/bin/bash')
        self.user_ns['_exit_code'] = code

    system_piped = system_raw = system

    def enable_gui(self, gui=None):
        """There is no screen."""

    def enable_matplotlib(self, gui=None):
        """Figures are always shown where they are made."""
        return 'inline', 'agg'

    def ask_exit(self):
        raise SystemExit


_WANTS_LOOP = re.compile(r'\b(?:create_task|ensure_future|get_running_loop|get_event_loop)\s*\(')
_RUNS_LOOP = re.compile(r'\b(?:asyncio\.run|run_until_complete|run_forever|Runner)\s*\(')


def _keep_line_numbers(lines):
    """Empty lines before a cell are dropped only where a magic must come first."""
    first = next((at for at, line in enumerate(lines) if line.strip()), 0)
    return lines[first:] if lines and lines[first].startswith('%%') else lines


def _flush_before_processes(event, _arguments):
    """What was printed goes out before what a child prints."""
    if event in ('subprocess.Popen', 'os.system', 'os.posix_spawn', 'os.fork', 'os.exec'):
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                pass
        CellShell.instance().outbox.settle()


_EXERCISES = (
    'x = 1\nx',
    'raise ValueError(x)',
    "import pandas, numpy\ndisplay(pandas.DataFrame({'a': numpy.arange(3), 'b': ['x', 'y', 'z']}))",
    "import matplotlib.pyplot as plt\nplt.plot([1, 2], [3, 4], label='x')\nplt.title('x')\nplt.legend()",
)


def exercise():
    """Runs a few cells and forgets them."""
    shell = prepare()
    streams = sys.stdout, sys.stderr
    with open('/dev/null', 'w') as nowhere:
        sys.stdout = sys.stderr = nowhere
        shell.outbox = Outbox(nowhere.fileno())
        try:
            for cell in _EXERCISES:
                shell.run(cell)
        finally:
            sys.stdout, sys.stderr = streams
    shell.outbox = None
    shell.reset(new_session=True)
    for name in ('last_type', 'last_value', 'last_traceback', 'last_exc'):
        delattr(sys, name)
    linecache.clearcache()
