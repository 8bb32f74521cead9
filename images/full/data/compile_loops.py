"""Compiles what numba would compile at each import of umap and librosa, which takes ten seconds, and keeps it in the image.

numba keeps compiled functions beside their source, if it can write there; here it may read them though it cannot. A processor of
another kind than the one the image is built on compiles anew, as without.
"""

import pathlib

file = pathlib.Path('/usr/lib/python3/dist-packages/numba/core/caching.py')
text = file.read_text()
for old, new in (
    (
        "os.path.join(os.path.dirname(self._py_file), '__pycache__')\n\n    def get_cache_path(self):\n        return self._cache_path\n",
        "os.path.join(os.path.dirname(self._py_file), '__pycache__')\n\n    def get_cache_path(self):\n        return self._cache_path\n\n"
        '    def ensure_cache_path(self):\n'
        '        if not os.access(os.path.dirname(self._cache_path), os.W_OK) and any(\n'
        "            name.endswith('.nbi') for name in os.listdir(self._cache_path)\n"
        '        ):\n            return\n        super().ensure_cache_path()\n',
    ),
    (
        '        self._cache_file.save(key, data)\n',
        '        try:\n            self._cache_file.save(key, data)\n        except OSError as error:\n'
        '            if error.errno not in (errno.EROFS, errno.EACCES):\n                raise\n',
    ),
):
    if text.count(old) != 1:
        raise SystemExit(f'{file} is not as expected: {old!r} {text.count(old)} times')
    text = text.replace(old, new)
file.write_text(text)

import librosa  # noqa: E402
import numpy as np  # noqa: E402
import soundfile  # noqa: E402
import umap  # noqa: E402

random = np.random.default_rng(0)
umap.UMAP(n_neighbors=5, random_state=0).fit_transform(random.random((50, 4)))
umap.UMAP(n_neighbors=5).fit_transform(random.random((50, 4)))
soundfile.write('/tmp/a.wav', random.random(22050), 22050)
samples, rate = librosa.load('/tmp/a.wav')
librosa.get_duration(y=samples, sr=rate)
librosa.feature.mfcc(y=samples, sr=rate)
librosa.feature.chroma_stft(y=samples, sr=rate)
librosa.beat.beat_track(y=samples, sr=rate)
librosa.onset.onset_detect(y=samples, sr=rate)
