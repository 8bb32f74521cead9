import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const languages: Readonly<Record<string, string>> = {
  ...{ py: 'python', sh: 'bash', js: 'javascript' },
  ...{ php: 'php', r: 'r' },
  ...{ c: 'c', cpp: 'cpp', d: 'd', rs: 'rust', f90: 'fortran', go: 'go', java: 'java' },
};

/** A program of test/fixtures/programs: its language and source. */
export function program(path: string): { language: string; code: string } {
  const file = fileURLToPath(new URL(`../fixtures/programs/${path}`, import.meta.url));
  return { language: languages[path.split('.').at(-1)!]!, code: readFileSync(file, 'utf8') };
}
