"""What a fresh fork of the zygote does: waits for its user, then becomes the agent of its sandbox."""

import os
import traceback

from ..agent import frames, sandbox
from . import confine


def main(pipes, mapped, groups, sizes, template, seccomp):
    """Never returns. `pipes`: command (read), claims, stdout, stderr (write). `mapped`: readable once a user is mapped. `groups`: the
    sandbox's control groups, each the descriptor of a directory and a name in it."""

    def shut_in():
        confine.enter(sizes)
        confine.lock_down(seccomp, sizes['openFiles'])

    # What goes wrong from here on is told to the service as the sandbox's own.
    os.dup2(pipes[3], 2)
    try:
        # End of file: the zygote could not map a user, and a sandbox must not run without one.
        frames.read_exactly(mapped, 1)
        # With the zygote's user, whose the groups are, and before the descriptors of these directories are closed with all others.
        for directory, name in groups:
            confine.enter_group(directory, name)
        sandbox.Sandbox(pipes, template).run(shut_in)
    except frames.Closed:
        os._exit(0)
    except BaseException:
        os.write(2, traceback.format_exc().encode())
        os._exit(97)
