"""A Python program in a parked fork: what it is to run comes with its orders."""

from . import notebook, plots, script


def prepare():
    """Ahead of the orders: what every program needs, once for nothing, because the first touch of a page of memory copies it."""
    script.rehearse()
    script.prepare_streams()
    plots.take_over()
    notebook.take_over()


def main(order):
    """Runs the program of an order {entry, args, stays, tools?} to its end; returns its exit code. `stays`: its file is not removed."""
    entry, args, stays = order['entry'], order['args'], order['stays']
    if 'tools' not in order:
        return script.run(entry, args, stays)
    # Only templates that have asyncio import it ahead of need.
    from . import tool_program

    return tool_program.run(entry, args, order['tools'], stays)
