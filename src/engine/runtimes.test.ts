import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadRuntimes } from './runtimes.ts';

const catalogue = loadRuntimes(fileURLToPath(new URL('../../runtimes', import.meta.url)));

function loadFrom(files: Record<string, object>): ReturnType<typeof loadRuntimes> {
  const dir = mkdtempSync(join(tmpdir(), 'runtimes-'));
  try {
    for (const [name, value] of Object.entries(files)) {
      mkdirSync(join(dir, name));
      writeFileSync(join(dir, name, 'runtime.json'), JSON.stringify(value));
    }
    return loadRuntimes(dir);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

const runtime = {
  title: 'X',
  aliases: [],
  entry: 'x',
  run: { kind: 'program', argv: ['x'] },
  template: { default: 'light' },
};

describe('the runtime catalogue', () => {
  it.each([
    ['py', 'python'],
    ['PYTHON', 'python'],
    ['js', 'javascript'],
    ['nodejs', 'javascript'],
    ['ts', 'typescript'],
    ['sh', 'bash'],
  ])('finds %s', (word, name) => {
    expect(catalogue.find(word)?.name).toBe(name);
  });

  it('knows nothing of other words', () => {
    expect(catalogue.find('cobol')).toBeUndefined();
    expect(catalogue.find('__proto__')).toBeUndefined();
  });

  it('has a template and a park for every kind some runtime asks for', () => {
    const templates = catalogue.templates.map((template) => template.name);
    for (const { template, park } of catalogue.kinds) {
      expect(templates).toContain(template);
      if (park !== undefined) expect(catalogue.parks.has(park)).toBe(true);
    }
  });

  it('has a bare init where no program may call tools', () => {
    const parkOf = (code: string, withTools?: boolean) =>
      catalogue.parkOf(catalogue.find('python')!.kindFor(code, [], withTools));
    for (const code of ['print(42)', 'import asyncio', 'import pandas']) {
      expect(parkOf(code)).toEqual({ module: 'dragoman_python.program', init: 'bare' });
      expect(parkOf(code, true)).toEqual({ module: 'dragoman_python.program' });
    }
    expect(catalogue.kinds).toContainEqual(catalogue.find('python')!.kindFor('print(42)', [], true));
    expect(catalogue.parkOf(catalogue.sessionKind())).toBeUndefined();
  });

  it('has a kind of session for each kernel, which languages may share, and one where none waits', () => {
    const sessions = catalogue.kinds.filter(({ kernel }) => kernel !== undefined);
    expect(sessions.map(({ kernel }) => kernel?.name)).toEqual([undefined, 'bash', 'javascript', 'python']);
    expect(catalogue.sessionKind('ts')).toEqual(catalogue.sessionKind('javascript'));
    for (const none of [undefined, 'rust', 'cobol']) expect(catalogue.sessionKind(none)).toEqual(sessions[0]);
  });

  it('starts the template most languages use first', () => {
    expect(catalogue.templates[0]?.name).toBe('light');
  });

  it('chooses the data template by what a program mentions or is given', () => {
    const python = catalogue.find('python')!;
    expect(python.kindFor('print(1)', [])).toEqual({ template: 'light', park: 'python' });
    expect(python.kindFor('import pandas as pd', [])).toMatchObject({ template: 'data' });
    expect(python.kindFor('import helper', ['helper.py'])).toMatchObject({ template: 'data' });
    expect(python.kindFor('print("pandasx")', ['a.csv'])).toMatchObject({ template: 'light' });
  });

  it('refuses a malformed file and a word with two meanings, naming the file', () => {
    expect(() => loadFrom({ x: { ...runtime, entri: 'x' } })).toThrow(/x\/runtime\.json/);
    expect(() => loadFrom({ x: runtime, y: { ...runtime, aliases: ['x'] } })).toThrow(/"x" already means x/);
  });
});
