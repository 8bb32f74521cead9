"""A Python program in a parked fork: what it is to run comes with its orders."""

from . import notebook, plots, script


_is_prepared = False


def prepare():
    """Before the fork, or else ahead of its orders: what every program needs, and what it does first. Its first touch of a page of memory
    would copy the page. A later call does nothing."""
    global _is_prepared
    if _is_prepared:
        return
    _is_prepared = True
    script.prepare_streams()
    plots.take_over()
    notebook.take_over()
    script.rehearse()


def main(order):
    """Runs the program of an order {entry, args, stays, tools?} to its end; returns its exit code. `stays`: its file is not removed."""
    entry, args, stays = order['entry'], order['args'], order['stays']
    if 'tools' not in order:
        return script.run(entry, args, stays)
    # Only templates that have asyncio import it ahead of need.
    from . import tool_program

    return tool_program.run(entry, args, order['tools'], stays)
