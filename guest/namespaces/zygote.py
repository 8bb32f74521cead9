"""The zygote of Python: imports once what programs will want, then leaves the forking of sandboxes to the helper (guest/native/zygote.h).

Only a fork in which Python has something to do returns here.
"""

import gc
import json
import os
import sys
import traceback

from ..agent import frames, immortal, native, pages, rehearsal, sandbox, templates, workspace


def main():
    """Settings come as JSON in the first argument: imports (module names), warm (a guest module or null), parked (modules that forks
    become), entrances (descriptors); alone: this process becomes a sandbox itself, with a kernel of its own, and forks none."""
    settings = json.loads(sys.argv[1])
    for fd in settings['entrances']:
        os.set_inheritable(fd, False)
    # Of every sandbox.
    os.environ['PWD'] = workspace.WORKSPACE
    template = templates.load(settings['imports'], settings['warm'], settings['parked'])
    # A second thread would be lost in the clone, and whatever lock it held with it.
    if len(os.listdir('/proc/self/task')) != 1:
        raise RuntimeError('the template left a thread running')
    rehearsal.rehearse(template, settings['parked'])
    gc.collect()
    gc.disable()
    immortal.everything_loaded()
    gc.collect()
    gc.freeze()
    pages.use_up_gaps()
    pages.collapse()
    helper = native.Helper(settings['entrances'])
    todo = helper.alone() if settings.get('alone') else helper.serve()
    if todo is None:
        return
    try:
        sandbox.run(helper, todo, template)
    except frames.Closed:
        os._exit(0)
    except BaseException:
        os.write(2, traceback.format_exc().encode())
        os._exit(97)


def start():
    """Never returns."""
    try:
        main()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)
