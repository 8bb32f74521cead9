import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readImageManifest } from '../../src/images/image-manifest.ts';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { imageRoot } from '../support/image.ts';

/** What docs/reference/languages.md says programs find, found by programs. */

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
};
const moduleOf = (name: string) => modules[name] ?? name;

const python = section('Python');
const inPython = {
  core: names(python, /In `core`: /, /\.\n/),
  debian: names(python, /`full` adds of Debian: /, /, and the tools/),
  pypi: names(python, /digests: /, /\.\n/),
};
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
  expect(headers.length).toBe(2);
  const code = `${headers.join('')}#include <iostream>\nint main() { std::cout << nlohmann::json(Eigen::Matrix2d::Identity().sum()); }`;
  expect(await engine.run('cpp', code)).toMatchObject({ outcome: 'completed', stdout: '2.0', stderr: '' });
});

it('Node imports every package that is named, from any folder', { timeout: 120_000 }, async () => {
  expect(inNode.length).toBeGreaterThan(30);
  const manifest = JSON.parse(readFileSync(new URL('../../images/full/npm/package.json', import.meta.url), 'utf8'));
  const types = (name: string) => name.startsWith('@types/');
  expect(inNode.toSorted()).toEqual(
    Object.keys(manifest.dependencies)
      .filter((name) => !types(name))
      .sort(),
  );
  const code = [
    "process.chdir('/tmp');",
    `for (const name of ${JSON.stringify(leftOut.includes('npm') ? [] : inNode)})`,
    '  await import(name).catch((error) => console.log(name, error.message));',
  ].join('\n');
  for (const language of ['javascript', 'typescript'])
    expect(await engine.run(language, code)).toMatchObject({ outcome: 'completed', exitCode: 0, stdout: '' });
});

it('R attaches every package that is named', { timeout: 120_000 }, async () => {
  expect(inR).toEqual(expect.arrayContaining(['ggplot2', 'dplyr', 'jsonlite']));
  const code = `for (name in c(${inR.map((name) => `'${name}'`).join(', ')}))
  if (!suppressWarnings(suppressPackageStartupMessages(require(name, character.only = TRUE, quietly = TRUE)))) cat(name, '\\n')`;
  expect(await engine.run('r', code)).toMatchObject({ outcome: 'completed', exitCode: 0, stdout: '' });
});
