import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { bootstrapCommand } from './bootstrap.ts';
import { followBootstrap } from './bootstrap-progress.ts';
import { readImageDefinition } from './image-definition.ts';

const definition = readImageDefinition(fileURLToPath(new URL('../../images/core', import.meta.url)), {
  architecture: 'arm64',
  nodeVersion: 'v24.1.0',
});
const sources = ['deb http://one.example/debian trixie main', 'deb http://two.example/debian trixie-security main'];
const options = {
  root: '/images/rootfs',
  sources,
  aptSettings: ['Acquire::Retries "3"'],
  archives: '/images/.downloads/apt/archives',
};

describe('bootstrapCommand', () => {
  it('builds in place with the rights for it, in namespaces that end with it', () => {
    const command = bootstrapCommand(definition, { ...options, mode: { superuser: true } });
    expect(command.slice(0, 3)).toEqual(['setpriv', '--pdeathsig', 'KILL']);
    expect(command).toEqual(expect.arrayContaining(['--mount', '--pid', '--kill-child', '--mode=root']));
    expect(command.slice(-4)).toEqual(['trixie', '/images/rootfs', ...sources]);
    expect(command).toContain('--aptopt=Acquire::Retries "3"');
    expect(command).toContain('--architectures=arm64');
    expect(command).toContain("--setup-hook=sync-in '/images/.downloads/apt/archives' /var/cache/apt/archives");
    expect(command).toContain('--dpkgopt=path-exclude=/usr/share/man/*');
  });

  it('passes the root through an archive without them', () => {
    const mode = { superuser: false, temporaryDir: '/var/tmp/t' } as const;
    const command = bootstrapCommand(definition, { ...options, mode });
    expect(command).toEqual(expect.arrayContaining(['TMPDIR=/var/tmp/t', '--mode=unshare', '--format=tar']));
    expect(command.slice(-4)).toEqual(['trixie', '-', ...sources]);
    expect(command[command.indexOf('bash') + 3]).toBe('/images/rootfs');
  });
});

describe('followBootstrap', () => {
  it('tells phases and counts', () => {
    const told: string[] = [];
    const follow = followBootstrap({
      note: (text) => told.push(`note ${text}`),
      phase: (text) => told.push(`phase ${text}`),
      detail: (text) => told.push(text),
      end: () => {},
    });
    const lines = [
      'I: running apt-get update...',
      'Get:1 http://one.example/debian trixie InRelease [140 kB]',
      'I: installing remaining packages inside the chroot...',
      '0 upgraded, 2 newly installed, 0 to remove and 0 not upgraded.',
      'Get:1 http://one.example/debian trixie/main jq',
      'Get:2 http://one.example/debian trixie/main bc',
      'Selecting previously unselected package jq.',
      'Unpacking jq (1.7) ...',
      'Setting up jq (1.7) ...',
    ];
    for (const line of lines) follow(line);
    expect(told).toEqual([
      'phase Reading package lists',
      '1 downloaded',
      'phase Installing packages',
      '1 of 2 downloaded',
      '2 of 2 downloaded',
      '1 unpacked, 0 set up, of 2',
      '1 unpacked, 1 set up, of 2',
    ]);
  });
});
