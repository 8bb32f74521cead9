import type { GuestFrame } from '../isolation/index.ts';
import type { Runtime } from './runtimes.ts';
import type { CallableTool } from './tools/index.ts';

const workspace = '/mnt/data';

/** The frame that starts a program of a runtime; `entry` is the source's path in the workspace. */
export function programFrame(runtime: Runtime, entry: string, args: readonly string[]): GuestFrame {
  const path = `${workspace}/${entry}`;
  switch (runtime.run.kind) {
    case 'script':
      return { op: 'run', kind: 'script', entry: path, args, env: {} };
    case 'parked':
      return { op: 'run', kind: 'parked', entry: path, args };
    case 'program': {
      const argv = runtime.run.argv.flatMap((word) => (word === '{args}' ? args : [word.replace('{entry}', path)]));
      return { op: 'run', kind: 'program', argv, env: {} };
    }
  }
}

/** The frame that starts a program that may call tools; the sandbox is one that serves. */
export function toolProgramFrame(runtime: Runtime, entry: string, tools: readonly CallableTool[]): GuestFrame {
  const started = programFrame(runtime, entry, []);
  const names = tools.map(({ identifier, name }) => `${identifier} ${name}\n`).join('');
  const env = Object.entries(runtime.tools?.env ?? {}).map(([key, value]) => [
    key,
    value.replace('{names}', () => names),
  ]);
  return { ...started, op: 'program', env: Object.fromEntries(env), tools };
}

/** A name for the source that no input has: the runtime's own, or the next free one. */
export function entryName(runtime: Runtime, taken: ReadonlySet<string>): string {
  const dot = runtime.entry.lastIndexOf('.');
  const [stem, extension] = [runtime.entry.slice(0, dot), runtime.entry.slice(dot)];
  for (let number = 1; ; number++) {
    const name = number === 1 ? runtime.entry : `${stem}_${number}${extension}`;
    if (!taken.has(name)) return name;
  }
}
