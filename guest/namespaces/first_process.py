"""What a fresh fork of the zygote does: waits for its user, then becomes the agent of its sandbox."""

import os
import traceback

from ..agent import frames, sandbox
from . import confine


def main(pipes, mapped, sizes, template, seccomp):
    """Never returns. `pipes`: command (read), claims, stdout, stderr (write). `mapped`: readable once a user is mapped."""

    def shut_in():
        confine.enter(sizes)
        confine.lock_down(seccomp, sizes['openFiles'])

    try:
        # End of file: the zygote could not map a user, and a sandbox must not run without one.
        frames.read_exactly(mapped, 1)
        sandbox.Sandbox(pipes, template).run(shut_in)
    except frames.Closed:
        os._exit(0)
    except BaseException:
        os.write(2, traceback.format_exc().encode())
        os._exit(97)
