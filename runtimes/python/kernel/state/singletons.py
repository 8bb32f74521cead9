"""Values without content that a module has one of: they are found there again, instead of copied."""

import sys


def reference(value):
    """How to find the value in the module of its class, or None where it is not there."""
    kind = type(value)
    module = sys.modules.get(kind.__module__)
    if module is None or kind.__module__ in ('builtins', '__main__'):
        return None
    for name, each in list(vars(module).items()):
        if each is value:
            return find, (kind.__module__, name)
    return None


def find(module, name):
    __import__(module)
    return getattr(sys.modules[module], name)
