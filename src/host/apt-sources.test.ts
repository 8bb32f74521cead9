import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseDeb822Sources, parseOneLineSources, readAptSources } from './apt-sources.ts';

describe('parseOneLineSources', () => {
  it('reads lines for binary packages, with and without options', () => {
    const text = `# a comment
deb http://deb.debian.org/debian bookworm main contrib # the rest
deb-src http://deb.debian.org/debian bookworm main
  deb [arch=amd64 signed-by=/etc/apt/keyrings/a.gpg] https://mirror.example/debian/ bookworm-updates main
#deb http://off.example/debian bookworm main
deb http://flat.example/packages ./
`;
    expect(parseOneLineSources(text)).toEqual([
      { uris: ['http://deb.debian.org/debian'], suites: ['bookworm'], components: ['main', 'contrib'] },
      {
        uris: ['https://mirror.example/debian/'],
        suites: ['bookworm-updates'],
        components: ['main'],
        signedBy: '/etc/apt/keyrings/a.gpg',
      },
      { uris: ['http://flat.example/packages'], suites: ['./'], components: [] },
    ]);
  });
});

describe('parseDeb822Sources', () => {
  it('reads paragraphs with lists, comments and continued lines', () => {
    const text = `Types: deb deb-src
# URIs: http://commented.example/debian
URIs: http://one.example/debian
 http://two.example/debian
Suites: trixie trixie-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb-src
URIs: http://source.example/debian
Suites: trixie

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: trixie
Components: main
`;
    expect(parseDeb822Sources(text)).toEqual([
      {
        uris: ['http://one.example/debian', 'http://two.example/debian'],
        suites: ['trixie', 'trixie-updates'],
        components: ['main'],
        signedBy: '/usr/share/keyrings/debian-archive-keyring.gpg',
      },
    ]);
  });

  it('leaves a key that is written out to the default keyring', () => {
    const text = `Types: deb
URIs: http://one.example/debian
Suites: trixie
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mDMEZ
`;
    expect(parseDeb822Sources(text)[0]).not.toHaveProperty('signedBy');
  });
});

describe('readAptSources', () => {
  it('takes the files apt takes, and does without those that are not there', () => {
    const etc = mkdtempSync(join(tmpdir(), 'apt-'));
    onTestFinished(() => rmSync(etc, { recursive: true }));
    expect(readAptSources(etc)).toEqual([]);
    mkdirSync(join(etc, 'sources.list.d'));
    writeFileSync(join(etc, 'sources.list.d/a.list'), 'deb http://a.example/debian stable main\n');
    writeFileSync(join(etc, 'sources.list.d/b.sources'), 'Types: deb\nURIs: http://b.example/debian\nSuites: stable\n');
    writeFileSync(join(etc, 'sources.list.d/c.list.disabled'), 'deb http://c.example/debian stable main\n');
    expect(readAptSources(etc).flatMap(({ uris }) => uris)).toEqual([
      'http://a.example/debian',
      'http://b.example/debian',
    ]);
  });
});
