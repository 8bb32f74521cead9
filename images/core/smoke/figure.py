"""A figure is saved without a look for fonts: the list that is part of the image is used, read-only."""

import os
import pathlib

import matplotlib

matplotlib.use('Agg')
import matplotlib.pyplot as plt
import seaborn

assert list(pathlib.Path('/usr/share/dragoman/matplotlib').glob('fontlist-*.json'))
assert not list(pathlib.Path(matplotlib.get_cachedir()).glob('fontlist-*.json'))
seaborn.set_theme()
plt.plot([1, 4, 9])
plt.title('squares')
plt.savefig('figure.png')
assert os.path.getsize('figure.png') > 1000

# A program that asks for a window gets figures all the same.
matplotlib.use('TkAgg')
plt.figure()
plt.plot([1, 2])
plt.savefig('window.png')
