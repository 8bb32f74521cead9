"""The zygotes of Python: each imports once what programs will want, then leaves the forking of sandboxes to the helper (guest/native/zygote.h).

Each but the first is a fork of the one before it and loads what that one lacks, so that they share the memory of what both have. What
one does to its interpreter is unknown to the others. Only a fork in which Python has something to do returns here.
"""

import gc
import json
import os
import sys
import traceback

from ..agent import frames, immortal, native, pages, rehearsal, sandbox, templates, workspace

# The socket to the service (guest/native/zygote.c).
_CONTROL = 3


def main():
    """Settings come as JSON in the first argument: entrances (descriptors), and templates, each with imports (module names), warm (a guest
    module or null), parked (modules that forks become) and control (a descriptor). With one template its fields may stand in their place.
    alone: this process becomes a sandbox itself, with a kernel of its own, and forks none."""
    settings = json.loads(sys.argv[1])
    is_alone = settings.get('alone', False)
    waiting = settings.get('templates') or [settings]
    for fd in [*settings['entrances'], *(each['control'] for each in waiting if 'control' in each)]:
        os.set_inheritable(fd, False)
    # Of every sandbox.
    os.environ['PWD'] = workspace.WORKSPACE
    is_parent = False
    while waiting and not is_parent:
        own, *waiting = waiting
        if own.get('control', _CONTROL) != _CONTROL:
            os.dup2(own['control'], _CONTROL, inheritable=False)
            os.close(own['control'])
        template = _load(own)
        is_parent = bool(waiting) and _derive()
    for each in waiting:
        os.close(each['control'])
    _prepare(own, template)
    # gVisor's own kernel counts its pages in another way.
    areas = []
    if not is_alone:
        pages.let_go_of_files()
        if own['parked']:
            template.learn()
            # A template with a warm-up has learnt what its own programs write to, which is far more.
            if not own['warm']:
                areas = rehearsal.memory_of(template, own['parked'][0])
    helper = native.Helper(settings['entrances'], areas)
    todo = helper.alone() if is_alone else helper.serve()
    if todo is None:
        return
    try:
        sandbox.run(helper, todo, template)
    except frames.Closed:
        os._exit(0)
    except BaseException:
        os.write(2, traceback.format_exc().encode())
        os._exit(97)


def _load(own):
    """What a derived zygote has as well: nothing that changes how others work."""
    gc.enable()
    template = templates.load(own['imports'], own['warm'])
    # A second thread would be lost in the clone, and whatever lock it held with it.
    if len(os.listdir('/proc/self/task')) != 1:
        raise RuntimeError('the template left a thread running')
    _settle()
    return template


def _prepare(own, template):
    """What is done for this zygote's own forks alone."""
    templates.prepare(own['parked'])
    rehearsal.rehearse(template, own['parked'])
    _settle()


def _settle():
    """The memory of this process as it is stays shared with forks."""
    gc.collect()
    gc.disable()
    immortal.everything_loaded()
    gc.collect()
    gc.freeze()
    pages.use_up_gaps()
    pages.collapse()


def _derive():
    """Forks the next zygote and tells the service of it, which ends all of them when one has died. Returns False in the fork."""
    pid = os.fork()
    if pid:
        line = json.dumps({'event': 'derived', 'pidfd': os.pidfd_open(pid)})
        os.write(_CONTROL, f'{line}\n'.encode())
    return pid > 0


def start():
    """Never returns."""
    try:
        main()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)
