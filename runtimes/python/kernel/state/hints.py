"""Says in a NameError that the name was lost with its sandbox, and why."""


class Hints:
    def __init__(self):
        self._lost = {}

    def add(self, lost):
        """`lost`: {name: (type, reason)}."""
        self._lost.update(lost)

    def explain(self, error, names):
        """Adds a sentence to an error about a name that was lost, and forgets those that are there again in `names`."""
        if not self._lost:
            return
        for name in [name for name in self._lost if name in names]:
            del self._lost[name]
        if type(error) is not NameError or error.name not in self._lost:
            return
        kind, reason = self._lost[error.name]
        article = 'an' if kind[:1].lower() in 'aeiou' else 'a'
        why = f' ({reason})' if reason else ''
        error.args = (f'{error}; {article} {kind} of that name was lost when the sandbox of this session ended{why}',)
