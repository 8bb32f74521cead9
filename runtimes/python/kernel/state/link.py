"""Carries out the orders of the service about the state of this kernel."""

from dragoman_guest.agent import kernel_link

try:
    import cloudpickle
except ImportError:  # An image without it has kernels whose state is not kept.
    cloudpickle = None
else:
    from . import restorer, saver


class StateLink:
    def __init__(self, shell, events, saved, given, is_tool):
        """`saved` and `given`: descriptors of the stream, out and in, or None. `is_tool`: whether a value is a tool of the caller's."""
        self._shell = shell
        self._events = events
        self._saved = saved
        self._given = given
        self._is_tool = is_tool
        self._is_fresh = True

    def begin_cell(self):
        """A cell is about to run: no state can be taken in any more."""
        self._is_fresh = False
        if cloudpickle is not None:
            saver.settle()

    def obey(self, order):
        """Does what the order says, if it is about the state; returns whether it is."""
        if 'snapshot' in order:
            token, done = order['snapshot'], self._save(order)
        elif 'restore' in order:
            token, done = order['restore'], self._restore()
        else:
            return False
        kernel_link.send(self._events, {'event': 'done', 'cell': token, 'code': int(not done)})
        return True

    def _save(self, order):
        if cloudpickle is None or self._saved is None:
            return False
        try:
            saver.save(self._shell, order, self._saved, self._is_tool)
        except Exception:
            return False  # No process could be had, or the session has changed what a fork needs.
        return True

    def _restore(self):
        if cloudpickle is None or self._given is None or not self._is_fresh:
            return False
        self._is_fresh = False
        try:
            report, lost = restorer.restore(self._shell, self._given)
        except BaseException:
            return False
        self._shell.hints.add(lost)
        kernel_link.send(self._events, {'event': 'restored', 'report': report})
        return True
