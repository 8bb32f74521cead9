"""Makes fonts be found under the names that programs write. It runs once, in the finished root, while the image is built.

- fontconfig gets an alias for each family, and does not see the files below.
- Pillow and reportlab look for files by name: each such name becomes a link in a folder of its own.
- A file that a package of Debian has a link to, and the image leaves out, gets a stand-in.
- matplotlib gets its list of fonts, with the aliases in it, read-only; and a last resort behind every family, so that a text
  in another script has glyphs whatever the program chose. A fallback costs less than 0.1 ms, and only a program that draws text.
"""

import json
import os
import pathlib
from xml.sax.saxutils import escape

from fontTools.ttLib import TTCollection

here = pathlib.Path(__file__).parent
names = json.loads((here / 'names.json').read_text())
truetype = pathlib.Path('/usr/share/fonts/truetype')
own = truetype / 'dragoman'
links = truetype / 'western'


def extract_simplified_chinese() -> None:
    """Takes the face for simplified Chinese out of the collection: matplotlib reads only the first, which is for Japanese."""
    own.mkdir(exist_ok=True)
    for font in TTCollection('/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc', lazy=True).fonts:
        if font['name'].getDebugName(1) == 'Noto Sans CJK SC':
            font.save(own / 'NotoSansCJKsc-Regular.otf')
            return
    raise SystemExit('no face for simplified Chinese')


def link_files() -> None:
    links.mkdir(exist_ok=True)
    for target, aliases in names['files'].items():
        if not (truetype / target).exists():
            raise SystemExit(f'no font file {target}')
        for alias in aliases:
            (links / alias).symlink_to(f'../{target}')


def stand_in() -> None:
    """Debian's packages have links to font files that the image leaves out: what wordcloud writes with, in any script."""
    for missing, target in names['missing'].items():
        path = truetype / missing
        if not path.exists():
            path.symlink_to(os.path.relpath(truetype / target, path.parent))


def tell_fontconfig() -> None:
    folder = pathlib.Path('/etc/fonts/conf.d')
    if not folder.exists():
        return
    lines = [
        '<?xml version="1.0"?>',
        '<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">',
        '<fontconfig>',
        f'<selectfont><rejectfont><glob>{links}/*</glob></rejectfont></selectfont>',
        *(f'<selectfont><rejectfont><glob>{truetype / name}</glob></rejectfont></selectfont>' for name in names['missing']),
    ]
    for family, aliases in names['families'].items():
        # Symbola has the outlines that matplotlib needs; others draw the coloured font.
        family = 'Noto Color Emoji' if family == 'Symbola' else family
        for alias in aliases:
            if alias != family:
                lines.append(
                    f'<alias binding="same"><family>{escape(alias)}</family><prefer><family>{escape(family)}</family></prefer></alias>'
                )
    (folder / '45-dragoman.conf').write_text('\n'.join([*lines, '</fontconfig>', '']))


def tell_matplotlib() -> None:
    """matplotlib keeps its list in a cache of the user, which is empty in a new sandbox: it would look for fonts for seconds."""
    source = pathlib.Path('/usr/lib/python3/dist-packages/matplotlib/font_manager.py')
    folder = pathlib.Path('/usr/share/dragoman/matplotlib')
    text = source.read_text()
    for old, new in [
        ('        mpl.get_cachedir(), f"fontlist-v', f"        '{folder}', f\"fontlist-v"),
        ('        return fpaths\n', '        return [*fpaths, *_last_resort] if fontext == "ttf" else fpaths\n'),
        (
            'font_family_aliases = {',
            '_last_resort = (\n'
            + ''.join(f'    {str(truetype / name)!r},\n' for name in names['fallbacks'])
            + ')\nfont_family_aliases = {',
        ),
    ]:
        if text.count(old) != 1:
            raise SystemExit(f'{source} is not as expected: {old!r} {text.count(old)} times')
        text = text.replace(old, new)
    source.write_text(text)
    for name in names['fallbacks']:
        if not (truetype / name).exists():
            raise SystemExit(f'no font file {name}')

    folder.mkdir(parents=True, exist_ok=True)
    os.environ['MPLBACKEND'] = 'Agg'
    import matplotlib.font_manager  # noqa: PLC0415, F401  It writes the list.

    [list_file] = folder.glob('fontlist-*.json')
    fonts = json.loads(list_file.read_text())
    # A file in the folder of links is the same font again.
    same = {f'{truetype / name}' for name in names['missing']}
    entries = [it for it in fonts['ttflist'] if not it['fname'].startswith(f'{links}/') and it['fname'] not in same]
    entries.sort(key=lambda entry: entry['fname'])
    known = {entry['name'] for entry in entries}
    for family, aliases in names['families'].items():
        if family not in known:
            raise SystemExit(f'matplotlib does not know {family}')
        same = [entry for entry in entries if entry['name'] == family]
        entries += [{**entry, 'name': alias} for alias in aliases if alias not in known for entry in same]
    list_file.write_text(json.dumps({**fonts, 'ttflist': entries}))


extract_simplified_chinese()
link_files()
stand_in()
tell_fontconfig()
tell_matplotlib()
