import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, it as test } from 'vitest';
import { readImageManifest } from '../../src/images/image-manifest.ts';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { imageRoot } from '../support/image.ts';

/** What docs/reference/languages.md says programs find, found by programs. */

/** Some programs wait for the disk while others compute. */
const it = test.concurrent;

const page = readFileSync(new URL('../../docs/reference/languages.md', import.meta.url), 'utf8');
const section = (title: string) => page.split(/^## /m).find((part) => part.startsWith(`${title}\n`))!;
/** Names between a beginning and an end, asides in parentheses left out. */
const names = (text: string, from: RegExp, to: RegExp): string[] => {
  const rest = text.slice(from.exec(text)!.index).replace(from, '');
  const list = rest.slice(0, to.exec(rest)!.index);
  return list
    .replaceAll(/\([^)]*\)/g, '')
    .split(/\s+/)
    .filter(Boolean);
};

/** Where a package is not imported by its own name. */
const modules: Record<string, string> = {
  'scikit-learn': 'sklearn',
  pillow: 'PIL',
  odfpy: 'odf',
  'python-docx': 'docx',
  'python-pptx': 'pptx',
  beautifulsoup4: 'bs4',
  pyyaml: 'yaml',
  'pdfminer.six': 'pdfminer',
  'opencv-python-headless': 'cv2',
  'scikit-image': 'skimage',
  'matplotlib-venn': 'matplotlib_venn',
  'imbalanced-learn': 'imblearn',
  levenshtein: 'Levenshtein',
  pyjwt: 'jwt',
  'nest-asyncio': 'nest_asyncio',
  fonttools: 'fontTools',
  biopython: 'Bio',
  'msoffcrypto-tool': 'msoffcrypto',
  'python-barcode': 'barcode',
  'imageio-ffmpeg': 'imageio_ffmpeg',
  'audioop-lts': 'audioop',
  'arabic-reshaper': 'arabic_reshaper',
  'python-bidi': 'bidi',
  attrs: 'attr',
  'python-magic': 'magic',
  louvain: 'community',
  'camelot-py': 'camelot',
  'python-calamine': 'python_calamine',
  'pillow-heif': 'pillow_heif',
  'vl-convert-python': 'vl_convert',
  'xgboost-cpu': 'xgboost',
  'umap-learn': 'umap',
  'numpy-financial': 'numpy_financial',
  'ydata-profiling': 'ydata_profiling',
  'en-core-web-sm': 'en_core_web_sm',
  pycryptodome: 'Crypto',
  'vega-datasets': 'vega_datasets',
};
const moduleOf = (name: string) => modules[name] ?? name;

const python = section('Python');
const inPython = {
  core: names(python, /In `core`: /, /\.\n/),
  debian: names(python, /`full` adds of Debian: /, /, and the tools/),
  pypi: names(python, /digests: /, /\.\n/),
};
const inRust = names(section('Rust'), /compiled already: /, /\./);
const inPhp = names(section('PHP'), /Extensions: /, /\.\n/);
const commands = names(section('Commands'), /In `core`: /, /\. `python`/).concat(
  names(section('Commands'), /In `full`: /, /\.\n/),
);
const inNode = names(section('JavaScript and TypeScript'), /`require`: /, /\.\n/);
const inR = names(section('R'), /^R\n\n/, /, and the recommended/);

/** What assistants' programs reach for first. */
const promised = [
  ...['numpy', 'pandas', 'matplotlib', 'scipy', 'sklearn', 'statsmodels', 'seaborn', 'sympy', 'networkx', 'PIL', 'cv2'],
  ...['openpyxl', 'xlsxwriter', 'docx', 'pptx', 'reportlab', 'pypdf', 'pymupdf', 'bs4', 'lxml', 'requests'],
  ...['sqlalchemy', 'pyarrow', 'duckdb', 'polars', 'plotly', 'tabulate', 'yaml'],
];

let engine: TestEngine;
/** Registries that could not be reached when the image was built. */
let leftOut: readonly string[];
const limits = { wallMs: 90_000, memoryBytes: 1024 ** 3 };
beforeAll(async () => {
  engine = await startEngine({ limits });
  leftOut = readImageManifest(dirname(await imageRoot()))?.leftOut ?? [];
});
afterAll(() => engine.close());

describe('Python', () => {
  it('is said to have what was asked for', () => {
    const told = Object.values(inPython).flat().map(moduleOf);
    expect(promised.filter((name) => !told.includes(name))).toEqual([]);
  });

  it.each(Object.entries(inPython))('imports everything of %s', { timeout: 120_000 }, async (where, list) => {
    expect(list.length).toBeGreaterThan(10);
    const there = where === 'pypi' && leftOut.includes('python') ? [] : list;
    const code = [
      'import importlib, warnings',
      'warnings.simplefilter("ignore")',
      `for name in ${JSON.stringify(there.map(moduleOf))}:`,
      '    try:',
      '        importlib.import_module(name)',
      '    except Exception as error:',
      '        print(name, repr(error))',
    ].join('\n');
    expect(await engine.run('python', code)).toMatchObject({ outcome: 'completed', exitCode: 0, stdout: '' });
  });

  it('has the usual ones loaded before a program that mentions them starts', async () => {
    const usual = ['numpy', 'pandas', 'matplotlib.pyplot', 'PIL.Image', 'pyarrow', 'json', 'asyncio', 'sqlite3'];
    const code = `import sys\nprint([name for name in ${JSON.stringify(usual)} if name not in sys.modules])\nimport numpy, pandas`;
    expect((await engine.run('python', code)).stdout).toBe('[]\n');
    // And not in the way of one that does not.
    const light = 'import sys\nprint([name for name in ("json", "re", "num" + "py") if name in sys.modules])';
    expect((await engine.run('python', light)).stdout).toBe("['json', 're']\n");
  });
});

it('C++ finds the headers that are named', { timeout: 120_000 }, async () => {
  const headers = [...section('C++').matchAll(/`(<[^>]+>)`/g)].map(([, header]) => `#include ${header}\n`);
  expect(headers.length).toBe(3);
  const code = `${headers.join('')}#include <iostream>
int main() {
  std::string word = " a ";
  boost::trim(word);
  std::cout << nlohmann::json(Eigen::Matrix2d::Identity().sum()) << word;
}`;
  expect(await engine.run('cpp', code)).toMatchObject({ outcome: 'completed', stdout: '2.0a', stderr: '' });
});

it('Rust finds the crates that are named', { timeout: 120_000 }, async () => {
  expect(inRust).toEqual(expect.arrayContaining(['rand', 'serde', 'serde_json', 'regex', 'tokio']));
  const code = `#![allow(unused_imports)]
${inRust.map((crate) => `use ${crate} as _${crate};`).join('\n')}
use rand::Rng;
#[derive(serde::Serialize)]
struct Point { x: u32 }
#[tokio::main]
async fn main() {
    let x: u32 = rand::thread_rng().gen_range(7..=7);
    println!("{}", serde_json::to_string(&Point { x }).unwrap());
}`;
  expect(await engine.run('rust', code)).toMatchObject({ outcome: 'completed', stdout: '{"x":7}\n', stderr: '' });
});

it('Java finds the libraries that are named', { timeout: 120_000 }, async () => {
  const code = `import com.google.gson.Gson;
import org.apache.commons.collections4.CollectionUtils;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.io.FilenameUtils;
import org.apache.commons.lang3.StringUtils;
import org.apache.commons.math3.util.ArithmeticUtils;
import java.util.List;
public class Main {
  public static void main(String[] args) {
    System.out.println(new Gson().toJson(List.of(StringUtils.reverse("ab"), FilenameUtils.getExtension("a.txt"),
        ArithmeticUtils.gcd(12, 18), CollectionUtils.union(List.of(1), List.of(2)).size(), CSVFormat.DEFAULT.getDelimiterString())));
  }
}`;
  expect(await engine.run('java', code)).toMatchObject({ outcome: 'completed', stdout: '["ba","txt",6,2,","]\n' });
});

it('Java says which libraries are here when one is not', { timeout: 120_000 }, async () => {
  const code =
    'import static org.junit.jupiter.api.Assertions.*;\nclass Main { public static void main(String[] a) { assertEquals(1, 1); } }';
  const { stderr } = await engine.run('java', code);
  expect(stderr).toMatch(/package org\.junit\.jupiter\.api does not exist/);
  expect(stderr).toMatch(/^\[No library can be installed.*commons-lang3.*gson.*JUnit is not here/m);
});

it('PHP has the extensions that are named', async () => {
  expect(inPhp).toEqual(expect.arrayContaining(['mysqli', 'imagick', 'gd', 'mbstring', 'intl']));
  const code = `<?php foreach (${JSON.stringify(inPhp)} as $name) if (!extension_loaded($name)) echo "$name\n";`;
  expect(await engine.run('php', code)).toMatchObject({ outcome: 'completed', stdout: '' });
});

it('a shell finds the commands that are named', async () => {
  expect(commands).toEqual(expect.arrayContaining(['git', 'curl', 'pandoc', 'soffice', 'ffmpeg', 'tesseract']));
  const there = leftOut.includes('npm') ? commands.filter((name) => !['npm', 'npx', 'tsc'].includes(name)) : commands;
  const code = `for name in ${there.join(' ')}; do type "$name" > /dev/null 2>&1 || echo "$name"; done`;
  expect(await engine.run('bash', code)).toMatchObject({ outcome: 'completed', stdout: '' });
});

it('LibreOffice leaves what it was asked for among the files, and nothing of its own', {
  timeout: 120_000,
}, async () => {
  const code = 'echo hi > a.txt; soffice --headless --convert-to pdf a.txt > /dev/null 2>&1; find . -mindepth 1 | sort';
  expect(await engine.run('bash', code)).toMatchObject({ outcome: 'completed', stdout: './a.pdf\n./a.txt\n' });
});

it.each([
  [
    'a word cloud, in any script',
    "from wordcloud import WordCloud\ncloud = WordCloud().generate('data data 数据 数据')\ncloud.to_file('w.png')\nprint(*sorted(cloud.words_))",
    'data 数据\n',
  ],
  [
    'clusters, without a word about the processor',
    'from sklearn.cluster import KMeans\nprint(KMeans(2, n_init=1, random_state=0).fit([[0], [1], [9]]).labels_.tolist()[:2])',
    '[0, 0]\n',
  ],
  [
    'names of countries in other languages',
    "import gettext, pycountry\nprint(gettext.translation('iso3166-1', pycountry.LOCALES_DIR, languages=['de']).gettext('Germany'))",
    'Deutschland\n',
  ],
  [
    'a projection, compiled ahead of its first use',
    'import numpy as np, umap, warnings\nwarnings.simplefilter("ignore")\nprint(umap.UMAP(n_neighbors=5).fit_transform(np.random.rand(40, 3)).shape)',
    '(40, 2)\n',
  ],
])('Python makes %s', { timeout: 120_000 }, async (_, code, stdout) => {
  const ended = await engine.run('python', code);
  expect(ended).toMatchObject({ outcome: 'completed', exitCode: 0 });
  expect(ended.stdout).toBe(stdout);
  expect(ended.stderr).toBe('');
});

describe('a figure', () => {
  const draw = (family: string, text: string) =>
    engine.run(
      'python',
      [
        'import warnings',
        "warnings.simplefilter('error')",
        'import matplotlib.pyplot as plt',
        `plt.rcParams['font.family'] = ${JSON.stringify(family)}`,
        `plt.title(${JSON.stringify(text)})`,
        "plt.savefig('a.png')",
        "plt.savefig('a.pdf')",
      ].join('\n'),
    );

  it.each([
    ['Arial', 'plain'],
    ['Times New Roman', 'Привет 北京'],
    ['SimHei', '销售额 東京 서울'],
    ['sans-serif', 'مرحبا שלום नमस्ते สวัสดี'],
    ['Calibri', 'Growth 📈'],
  ])('in %s has a glyph for all of %s', { timeout: 60_000 }, async (family, text) => {
    expect(await draw(family, text)).toMatchObject({ outcome: 'completed', exitCode: 0, stderr: '' });
  });

  it('is drawn when a program asks for a window', { timeout: 60_000 }, async () => {
    const code =
      "import matplotlib\nmatplotlib.use('TkAgg')\nimport matplotlib.pyplot as plt\nplt.plot([1])\nplt.savefig('a.png')";
    expect(await engine.run('python', code)).toMatchObject({ outcome: 'completed', exitCode: 0, stderr: '' });
  });
});

// Debian's tkinter is there, and finds no screen.
it('what is left out has a hint, and is left out', async () => {
  const hints = JSON.parse(readFileSync(new URL('../../images/full/hints.json', import.meta.url), 'utf8'));
  const code = `import importlib.util, json
print([name for name in json.loads(${JSON.stringify(JSON.stringify(Object.keys(hints.modules).filter((name) => !name.includes('.') && name !== '_tkinter')))})
  if importlib.util.find_spec(name)])`;
  const ml = readImageManifest(dirname(await imageRoot()))?.name === 'ml';
  if (!ml) expect((await engine.run('python', code)).stdout).toBe('[]\n');
  expect(Object.keys(hints.npm).filter((name) => inNode.includes(name))).toEqual([]);
  expect(Object.keys(hints.r).filter((name) => inR.includes(name))).toEqual([]);
});

it('Node imports every package that is named, from any folder', { timeout: 120_000 }, async () => {
  expect(inNode.length).toBeGreaterThan(30);
  const manifest = JSON.parse(readFileSync(new URL('../../images/full/npm/package.json', import.meta.url), 'utf8'));
  // Types are read by the compiler, and npm is a command.
  const notImported = (name: string) => name.startsWith('@types/') || name === 'npm';
  expect(inNode.toSorted()).toEqual(
    Object.keys(manifest.dependencies)
      .filter((name) => !notImported(name))
      .sort(),
  );
  const code = [
    "process.chdir('/tmp');",
    `for (const name of ${JSON.stringify(leftOut.includes('npm') ? [] : inNode)})`,
    '  await import(name).catch((error) => console.log(name, error.message));',
  ].join('\n');
  const runs = await Promise.all(['javascript', 'typescript'].map((language) => engine.run(language, code)));
  for (const run of runs) expect(run).toMatchObject({ outcome: 'completed', exitCode: 0, stdout: '' });
});

it('R attaches every package that is named', { timeout: 120_000 }, async () => {
  expect(inR).toEqual(expect.arrayContaining(['ggplot2', 'dplyr', 'jsonlite']));
  const code = `for (name in c(${inR.map((name) => `'${name}'`).join(', ')}))
  if (!suppressWarnings(suppressPackageStartupMessages(require(name, character.only = TRUE, quietly = TRUE)))) cat(name, '\\n')`;
  expect(await engine.run('r', code)).toMatchObject({ outcome: 'completed', exitCode: 0, stdout: '' });
});
