import { mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { makeTierFolder } from './tier-folder.ts';

it('is named without the links on its way, also when it is made now', () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tier-')));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'elsewhere'));
  symlinkSync(join(folder, 'elsewhere'), join(folder, 'data'));
  const made = makeTierFolder({ tierDir: join(folder, 'data/tiers/gvisor') });
  expect(made).toBe(join(folder, 'elsewhere/tiers/gvisor'));
  expect(statSync(join(made, 'own')).isDirectory()).toBe(true);
});
