"""Keeps joblib from asking lscpu how many processor cores there are: a sandbox has no /sys, so scikit-learn would warn at each use.

Runs once, in the finished root, while the image is built. The number of logical cores is what joblib takes anyway when it cannot tell.
"""

import pathlib

source = pathlib.Path('/usr/lib/python3/dist-packages/joblib/externals/loky/backend/context.py')
old = """            cpu_info = subprocess.run(
                "lscpu --parse=core".split(), capture_output=True, text=True
            )
            cpu_info = cpu_info.stdout.splitlines()
            cpu_info = {line for line in cpu_info if not line.startswith("#")}
            cpu_count_physical = len(cpu_info)
"""
text = source.read_text()
if text.count(old) != 1:
    raise SystemExit(f'{source} is not as expected')
source.write_text(text.replace(old, '            cpu_count_physical = os.cpu_count() or 1\n'))
