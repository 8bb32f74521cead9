// Prints what an image holds, as Markdown: `npm run packages -- [NAME or PATH] [--without-imports]`. For each distribution of Python
// its version, licence, size and the time that importing it takes, which takes minutes for all; for packages of npm and Debian
// version, licence and size.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../src/config/index.ts';
import { createProgress } from '../src/host/index.ts';
import { setup } from '../src/images/index.ts';

const program = `
import importlib.metadata as metadata, json, os, pathlib, re, subprocess, sys, time

def milliseconds(code):
    best = None
    for _ in range(2):
        since = time.perf_counter()
        done = subprocess.run([sys.executable, '-W', 'ignore', '-c', code], capture_output=True, timeout=120)
        if done.returncode:
            return None
        took = time.perf_counter() - since
        best = took if best is None else min(best, took)
    return best * 1000

def table(title, head, rows):
    print(f'## {title}\\n')
    print('| ' + ' | '.join(head) + ' |\\n|' + ' --- |' * len(head))
    for row in rows:
        print('| ' + ' | '.join(str(cell).replace('|', '/') for cell in row) + ' |')
    print()

def licence(dist):
    data = dist.metadata
    known = [it.split(' :: ')[-1] for it in data.get_all('Classifier') or [] if it.startswith('License ::')]
    words = data.get('License-Expression') or ', '.join(known) or (data.get('License') or '').strip().split('\\n')[0]
    return words[:60] or '?'

nothing = None if 'without-imports' in sys.argv else milliseconds('pass')
modules = {}
for module, names in metadata.packages_distributions().items():
    for name in names:
        if not module.startswith('_') or name not in modules:
            modules.setdefault(name, module)
rows = []
for dist in metadata.distributions():
    name = dist.metadata['Name']
    size = sum((dist.locate_file(file).stat().st_size for file in dist.files or [] if dist.locate_file(file).is_file()), 0)
    if not size and name in modules:
        folder = pathlib.Path('/usr/lib/python3/dist-packages') / modules[name]
        size = sum(file.stat().st_size for file in folder.rglob('*') if file.is_file())
    took = milliseconds(f'import {modules[name]}') if nothing is not None and name in modules else None
    rows.append((name, dist.version, licence(dist), f'{size / 2**20:.1f}', '' if took is None else f'{max(took - nothing, 0):.0f}'))
    print(name, file=sys.stderr)
table('Python', ['distribution', 'version', 'licence', 'MiB', 'import, ms'], sorted(set(rows), key=lambda row: row[0].lower()))

rows = []
for file in sorted(pathlib.Path('/node_modules').glob('*/package.json')) + sorted(pathlib.Path('/node_modules').glob('@*/*/package.json')):
    data = json.loads(file.read_text())
    size = sum(it.stat().st_size for it in file.parent.rglob('*') if it.is_file())
    terms = data.get('license')
    rows.append((data['name'], data['version'], terms if isinstance(terms, str) else '?', f'{size / 2**20:.1f}'))
table('npm', ['package', 'version', 'licence', 'MiB'], rows)

query = ['dpkg-query', '-W', '-f', '\${Package}\\t\${Version}\\t\${Installed-Size}\\n']
rows = []
for line in subprocess.run(query, capture_output=True, text=True).stdout.splitlines():
    name, version, size = line.split('\\t')
    file = pathlib.Path('/usr/share/doc') / name / 'copyright'
    text = file.read_text(errors='replace') if file.exists() else ''
    terms = list(dict.fromkeys(re.findall(r'^License: *(\\S.*)$', text, re.M)))
    rows.append((name, version, ', '.join(terms)[:60] or 'see its copyright file', f'{int(size or 0) / 1024:.1f}'))
table('Debian', ['package', 'version', 'licences', 'MiB, with what is not unpacked'], rows)
`;

const words = process.argv.slice(2);
const options = words.includes('--without-imports') ? ['without-imports'] : [];
const { isolation, stores } = loadConfig();
const { imageRoot, imageId } = await setup({
  dataDir: stores.dataDir,
  image: words.find((word) => !word.startsWith('--')) ?? isolation.image,
  definitionsDir: fileURLToPath(new URL('../images', import.meta.url)),
  node: { binary: process.execPath, version: process.version },
  progress: createProgress({ stream: process.stderr }),
  interactive: false,
});
const folder = mkdtempSync(join(tmpdir(), 'packages-'));
writeFileSync(join(folder, 'packages.py'), program);
console.log(`# Packages of the image ${imageId}\n`);
const { status } = spawnSync(
  'bwrap',
  [
    ...['--unshare-all', '--die-with-parent', '--ro-bind', imageRoot, '/', '--proc', '/proc', '--dev', '/dev'],
    ...['--tmpfs', '/tmp', '--ro-bind', folder, '/opt/dragoman', '--clearenv', '--setenv', 'PATH', '/usr/bin:/bin'],
    ...['--setenv', 'HOME', '/tmp', '--setenv', 'MPLBACKEND', 'Agg', '--setenv', 'LANG', 'C.UTF-8', '--chdir', '/tmp'],
    ...['--', 'python3', '/opt/dragoman/packages.py', ...options],
  ],
  { stdio: ['ignore', 'inherit', 'inherit'] },
);
rmSync(folder, { recursive: true });
process.exitCode = status ?? 1;
