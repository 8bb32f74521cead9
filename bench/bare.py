"""Runs commands one after another for the benchmark and tells how long each took: the yardstick, inside the same image.

One JSON array (argv) a line on stdin; one line of milliseconds and exit status on stdout.
"""

import json
import subprocess
import sys
import time

for line in sys.stdin:
    started = time.perf_counter()
    done = subprocess.run(json.loads(line), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    print((time.perf_counter() - started) * 1000, done.returncode, flush=True)
