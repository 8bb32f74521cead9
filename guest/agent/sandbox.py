"""What Python does in a sandbox's first process and in the forks of it. All else is the helper's (native.py)."""

import gc

from . import frames, native, parked


def run(helper, todo, template):
    """Never returns. This process is shut in already; `todo` is what comes first."""
    gc.enable()
    sandbox = helper.sandbox
    while True:
        match todo:
            case native.BECOME:
                parked.become(sandbox, template)
            case native.WARM:
                template.warm()
            case native.SERVE:
                _supervise(sandbox, template)
        todo = helper.obey()


def _supervise(sandbox, template):
    """Never returns."""
    # Templates for what has a supervisor import it ahead of need. Others are smaller without it.
    from . import supervisor

    def claim(value):
        frames.write_frame(sandbox.claims, value)

    def aside(content):
        frames.write_all(sandbox.claims, content)

    waiting = parked.Parked(sandbox) if sandbox.parked_pid else None
    made = (sandbox.saved, sandbox.given) if sandbox.saved >= 0 else None
    supervisor.Supervisor(sandbox.command, claim, aside, template, waiting).serve(bool(sandbox.with_bulk), made)
