"""A Python program in a parked fork: what it is to run comes with its orders."""

from . import script


def prepare():
    """Ahead of the orders: what every program needs, once for nothing, because the first touch of a page of memory copies it."""
    script.rehearse()
    script.prepare_streams()


def main(order):
    """Runs the program of an order {entry, args, tools?} to its end; returns its exit code."""
    if 'tools' not in order:
        return script.run(order['entry'], order['args'])
    # Only templates that have asyncio import it ahead of need.
    from . import tool_program

    return tool_program.run(order['entry'], order['args'], order['tools'])
