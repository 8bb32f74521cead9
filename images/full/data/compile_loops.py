"""Compiles what numba would compile at the first use of umap and librosa, which takes ten seconds and more, and keeps it in the image.

numba keeps compiled functions beside their source, if it can write there; here it may read them though it cannot. A processor of
another kind than the one the image is built on compiles anew, as without.
"""

import pathlib
import re

packages = pathlib.Path('/usr/local/lib/python3.13/dist-packages')
numba = pathlib.Path('/usr/lib/python3/dist-packages/numba/core')


def patch(file: pathlib.Path, *changes: tuple[str, str]) -> None:
    text = file.read_text()
    for old, new in changes:
        if text.count(old) != 1:
            raise SystemExit(f'{file} is not as expected: {old!r} {text.count(old)} times')
        text = text.replace(old, new)
    file.write_text(text)


def read_what_cannot_be_written() -> None:
    patch(
        numba / 'caching.py',
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
    )


def keep_all_of(package: str) -> None:
    """Has numba keep each function at the top of a module; the authors name a few themselves."""
    for file in sorted((packages / package).glob('*.py')):
        # Up to the function: arguments on lines of their own, a signature with parentheses.
        decorators = re.compile(r'^@numba\.njit\(((?:(?!\n@|\ndef ).)*?)\)(?=\ndef )', re.MULTILINE | re.DOTALL)

        def add(found: re.Match[str]) -> str:
            given = found[1].rstrip().rstrip(',')
            if 'cache=' in given:
                return found[0]
            return f'@numba.njit({given}{", " if given else ""}cache=True)'

        file.write_text(decorators.sub(add, file.read_text()))


read_what_cannot_be_written()
keep_all_of('umap')
keep_all_of('pynndescent')

import librosa  # noqa: E402
import numpy as np  # noqa: E402
import soundfile  # noqa: E402
import umap  # noqa: E402

random = np.random.default_rng(0)
few = random.random((60, 4))
for metric in ('euclidean', 'cosine', 'manhattan'):
    for points in (few, few.astype('float32')):
        umap.UMAP(n_neighbors=5, metric=metric).fit_transform(points)
fitted = umap.UMAP(n_neighbors=5, random_state=0).fit(few)
fitted.transform(few[:3])
umap.UMAP(n_neighbors=5).fit_transform(few, y=np.arange(60) % 3)
rate = 22050
sound = np.sin(np.arange(2 * rate) * 0.125).astype('float32') + random.random(2 * rate).astype('float32') / 50
soundfile.write('/tmp/a.wav', sound, 44100)
librosa.load('/tmp/a.wav')
for y in (sound, sound.astype('float64')):
    magnitude = np.abs(librosa.stft(y))
    librosa.istft(librosa.stft(y))
    librosa.griffinlim(magnitude, n_iter=2)
    librosa.feature.mfcc(y=y, sr=rate)
    librosa.feature.chroma_stft(y=y, sr=rate)
    librosa.feature.chroma_cqt(y=y, sr=rate)
    librosa.feature.tonnetz(y=y, sr=rate)
    librosa.feature.tempogram(y=y, sr=rate)
    librosa.feature.spectral_contrast(y=y, sr=rate)
    librosa.feature.zero_crossing_rate(y)
    librosa.beat.beat_track(y=y, sr=rate)
    librosa.beat.plp(y=y, sr=rate)
    librosa.onset.onset_detect(y=y, sr=rate)
    librosa.pyin(y, fmin=65, fmax=2093, sr=rate)
    librosa.yin(y, fmin=65, fmax=2093, sr=rate)
    librosa.piptrack(y=y, sr=rate)
    librosa.effects.hpss(y)
    librosa.effects.trim(y)
    librosa.effects.time_stretch(y, rate=1.2)
    librosa.effects.pitch_shift(y, sr=rate, n_steps=2)
    librosa.sequence.dtw(magnitude[:4, :20], magnitude[:4, :20])
    librosa.segment.recurrence_matrix(librosa.feature.mfcc(y=y, sr=rate))
librosa.util.peak_pick(random.random(100), pre_max=3, post_max=3, pre_avg=3, post_avg=5, delta=0.1, wait=2)
