"""Makes `matplotlib.use('TkAgg')` and its like harmless: there is no window system, so figures are drawn as they are without it.

Runs once, in the finished root, while the image is built.
"""

import pathlib

source = pathlib.Path('/usr/lib/python3/dist-packages/matplotlib/pyplot.py')
names = ['tkagg', 'tkcairo', 'qtagg', 'qtcairo', 'qt5agg', 'qt5cairo', 'gtk3agg', 'gtk3cairo', 'gtk4agg', 'gtk4cairo']
names += ['wx', 'wxagg', 'wxcairo', 'macosx', 'webagg']
old = "    old_backend = rcParams._get('backend')  # get without triggering backend resolution\n"
new = f"    if newbackend.lower() in {names!r}:\n        newbackend = os.environ.get('MPLBACKEND') or 'agg'\n{old}"
text = source.read_text()
if text.count(old) != 1:
    raise SystemExit(f'{source} is not as expected')
text = text.replace(old, new)
if '\nimport os\n' not in text:
    text = text.replace('\nimport logging\n', '\nimport logging\nimport os\n', 1)
if '\nimport os\n' not in text:
    raise SystemExit(f'{source} does not import logging')
source.write_text(text)
