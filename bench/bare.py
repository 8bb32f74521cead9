"""Runs commands one after another for the benchmark and tells how long each took: the yardstick, inside the same image.

One JSON array (argv) a line on stdin; one line of milliseconds, exit status and milliseconds of processor time on stdout.
"""

import json
import resource
import subprocess
import sys
import time


def used():
    """Processor time of all commands so far, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


for line in sys.stdin:
    before = used()
    started = time.perf_counter()
    done = subprocess.run(json.loads(line), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    took = time.perf_counter() - started
    print(took * 1000, done.returncode, (used() - before) * 1000, flush=True)
