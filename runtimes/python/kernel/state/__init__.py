"""The state of a kernel, written down when its sandbox is about to go and taken in by another one."""

try:
    import cloudpickle
except ImportError:  # The image lacks it.
    is_available = False
else:
    is_available = bool(cloudpickle)

from . import ambient

begin = ambient.begin


def save(shell, order, fd, is_tool):
    """See saver.py. False: this image cannot."""
    if not is_available:
        return False
    from . import saver

    return saver.save(shell, order, fd, is_tool)


def restore(shell, fd):
    """See restorer.py."""
    from . import restorer

    return restorer.restore(shell, fd)
