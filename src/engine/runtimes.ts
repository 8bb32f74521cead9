import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { KernelStart, Park } from '../guest-protocol/index.ts';
import type { Template } from '../sandbox/index.ts';

const runSchema = z.discriminatedUnion('kind', [
  /** A program of the image; `{entry}` and `{args}` are filled in. */
  z.strictObject({
    kind: z.literal('program'),
    argv: z.array(z.string()).min(1),
    /** Environment of the program alone. */
    env: z.record(z.string(), z.string()).default({}),
    /**
     * Most of its programs have the same words and variables: it is begun ahead of need. Where descriptor 3 is a pipe its start-up file waits
     * for the end of it before the source is read. `{heapMiB}` is no such word.
     */
    ahead: z.boolean().default(false),
  }),
  /** In a process that was started ahead of need. */
  z.strictObject({ kind: z.literal('parked'), park: z.string() }),
]);

/**
 * How a live session runs cells of this language: in a fork of its first process, which becomes a module of Python that the template
 * has imported, or in a program that reads cells. A program that is written in Python (`script`) runs in such a fork too, because
 * another Python would start later.
 */
const kernelSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('fork'), template: z.string(), module: z.string() }),
  z.strictObject({ kind: z.literal('program'), name: z.string(), argv: z.array(z.string()).min(1) }),
  z.strictObject({ kind: z.literal('script'), name: z.string(), path: z.string() }),
]);

/**
 * A process that waits for its orders: a program of the image, or a fork of the sandbox's first process that becomes a module of
 * Python. The folder `kernel` of a language may be a package: it is `dragoman_<language>`.
 */
const parkSchema = z.union([z.array(z.string()).min(1), z.strictObject({ module: z.string() })]);

/** How its programs get the caller's tools. */
const toolsSchema = z.strictObject({
  /** The language whose rules the names of functions follow. */
  names: z.enum(['python', 'bash']),
  /** Template for programs that call tools; absent: the usual one. */
  template: z.string().optional(),
  /** For programs of the image; `{names}` becomes a line for each tool: identifier, blank, name. */
  env: z.record(z.string(), z.string()).default({}),
});

/** Makes a program of the source in a sandbox of its own; `{output}` is the file to make. */
const compileSchema = z.strictObject({
  argv: z.array(z.string()).min(1),
  /** Words added at the end, each where the source matches its pattern: to look for it inside would take a program of its own. */
  added: z.record(z.string(), z.string()).default({}),
  /** What the program is called where it is run. */
  output: z.string().regex(/^[A-Za-z0-9._-]+$/),
});

/** Checks the source before it runs, in a sandbox of its own, when the caller asks for it; makes `{output}` if there is no fault. */
const checkSchema = z.strictObject({
  /** The first argument that asks for it; the program does not see it. */
  argument: z.string().min(1),
  argv: z.array(z.string()).min(1),
});

/** Text in front of the source, unless the source matches. */
const prefixSchema = z.strictObject({ text: z.string(), unless: z.string() });

const choiceSchema = z.strictObject({
  /** Words in the source that select this template. */
  mentions: z.array(z.string()).default([]),
  /** Endings of input files that select it. */
  inputs: z.array(z.string()).default([]),
});

const runtimeSchema = z.strictObject({
  title: z.string(),
  aliases: z.array(z.string()),
  /** Name of the source file in the workspace. */
  entry: z.string(),
  run: runSchema,
  compile: compileSchema.optional(),
  check: checkSchema.optional(),
  prefix: prefixSchema.optional(),
  /** Code that needs its own file while it runs, by a pattern: elsewhere the file is removed once it has been read. */
  stays: z.string().optional(),
  /** A pattern of its strings and comments, in which every character counts. Absent: none. */
  literals: z.string().optional(),
  /** The language is left out when the image lacks this file. */
  requires: z.string().startsWith('/').optional(),
  /** Environment of compiler and program, besides the sandbox's own. */
  env: z.record(z.string(), z.string()).default({}),
  /** Commands that print versions, by the name of what has the version. */
  versions: z.record(z.string(), z.array(z.string()).min(1)).default({}),
  kernel: kernelSchema.optional(),
  tools: toolsSchema.optional(),
  template: z.object({ default: z.string() }).catchall(choiceSchema),
  templates: z
    .record(
      z.string(),
      z.union([
        z.strictObject({
          /** The template of this file, above it, whose imports come first and with which it shares memory. */
          extends: z.string().optional(),
          imports: z.array(z.string()),
          warm: z.string().nullable(),
        }),
        /** A program that is forked as it waits, where the boundary can do that; elsewhere its sandboxes are bare. */
        z.strictObject({ forks: z.array(z.string()).min(1) }),
      ]),
    )
    .default({}),
  parks: z.record(z.string(), parkSchema).default({}),
});

/** For programs that are not Python: what has no interpreter is forked, parked and ended at a fraction of the cost. */
const bare: Template = { name: 'bare', isBare: true, imports: [], warm: null };

/** A kind of sandbox that programs need. */
export interface SandboxKind {
  readonly template: string;
  /** Name of a process that waits inside. */
  readonly park: string | undefined;
  /** Programs may call tools in it: its first process becomes a supervisor then, which is Python. Told of forks alone. */
  readonly isSupervised?: true;
  /** Of a live session: its first process is a supervisor, and this kernel waits for its first cell; null: none does. */
  readonly kernel?: Kernel | null;
}

/** An interpreter that stays alive between cells; languages may share one. */
export interface Kernel {
  readonly name: string;
  readonly start: KernelStart;
}

function kernelOf(language: string, kernel: z.infer<typeof kernelSchema>): Kernel {
  switch (kernel.kind) {
    case 'fork':
      return { name: language, start: { module: kernel.module } };
    case 'script':
      return { name: kernel.name, start: { script: kernel.path } };
    case 'program':
      return { name: kernel.name, start: { argv: kernel.argv } };
  }
}

/** A language of the image, from runtimes/<name>/runtime.json. */
export interface Runtime {
  readonly name: string;
  readonly title: string;
  readonly aliases: readonly string[];
  readonly entry: string;
  readonly run: z.infer<typeof runSchema>;
  /** Absent: the source itself is run. */
  readonly compile: z.infer<typeof compileSchema> | undefined;
  /** Absent: the source is run unchecked, whatever the arguments. */
  readonly check: z.infer<typeof checkSchema> | undefined;
  readonly prefix: { readonly text: string; readonly unless: RegExp } | undefined;
  /** Matches code that needs its own file while it runs. */
  readonly stays: RegExp | undefined;
  /** Matches its strings and comments one after another. */
  readonly literals: RegExp | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly versions: Readonly<Record<string, readonly string[]>>;
  /** Changes with anything in the runtime's folder. */
  readonly digest: string;
  /** Absent: a session runs a program per execution. */
  readonly kernel: Kernel | undefined;
  /** Absent: its programs cannot call tools. */
  readonly tools: z.infer<typeof toolsSchema> | undefined;
  /**
   * Chooses the sandbox for a program. A wrong guess costs time, never correctness.
   * @param withTools it may call tools
   */
  kindFor(code: string, inputs: readonly string[], withTools?: boolean): SandboxKind;
  /** The sandbox for its compiler or check: nothing waits inside. */
  readonly compileKind: SandboxKind;
  /** Whether a word, in lower case, is its name or an alias, with or without a version behind it. */
  isCalled(word: string): boolean;
}

/** All languages, and what the engine keeps ready for them. */
export interface RuntimeCatalogue {
  readonly runtimes: readonly Runtime[];
  readonly templates: readonly Template[];
  /** The parked processes, by name. */
  readonly parks: ReadonlyMap<string, Park>;
  /** The process that waits in a sandbox of a kind. */
  parkOf(kind: SandboxKind): Park | undefined;
  /** Every kind of sandbox that a runtime may need. */
  readonly kinds: readonly SandboxKind[];
  /** The kind of a live session's sandbox. `language`: its kernel waits in it, if it has one. */
  sessionKind(language?: string): SandboxKind;
  /** A runtime by its name or an alias, in any case, with or without a version behind it. */
  find(language: string): Runtime | undefined;
}

/**
 * Reads the runtimes folder. With a root, languages it lacks are left out.
 * @param options.forksPrograms the boundary forks programs of the image
 * @throws Error naming the file that is malformed
 */
export function loadRuntimes(
  dir: string,
  imageRoot?: string,
  { forksPrograms = false }: { readonly forksPrograms?: boolean } = {},
): RuntimeCatalogue {
  const runtimes: Runtime[] = [];
  const templates: Template[] = [];
  /** Of programs, which are not forked. */
  const notForked = new Set<string>();
  const parks = new Map<string, Park>();
  const kinds = new Map<string, SandboxKind>();
  const names = new Map<string, Runtime>();
  let sessionTemplate: string | undefined;
  for (const name of readdirSync(dir).sort()) {
    const file = join(dir, name, 'runtime.json');
    const parsed = runtimeSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
    if (!parsed.success) throw new Error(`${file}: ${z.prettifyError(parsed.error)}`);
    const {
      template,
      templates: own,
      parks: ownParks,
      kernel,
      tools,
      prefix,
      literals,
      stays,
      requires,
      ...rest
    } = parsed.data;
    const words = new Set([name, ...rest.aliases]);
    if (rest.compile && rest.check) throw new Error(`${file}: what is compiled is checked by its compiler`);
    if (imageRoot && requires && !lstatSync(join(imageRoot, requires), { throwIfNoEntry: false })) continue;
    const isAhead = rest.run.kind === 'program' && rest.run.ahead;
    const park = rest.run.kind === 'parked' ? rest.run.park : isAhead ? name : undefined;
    for (const [name, { extends: base, imports, warm, forks }] of Object.entries(own).map(whole)) {
      const found = templates.find((template) => template.name === base);
      if (base !== undefined && !found) throw new Error(`${file}: the template ${base} is to stand before ${name}`);
      if (forks && !forksPrograms) notForked.add(name);
      else templates.push({ name, extends: base, imports: [...(found?.imports ?? []), ...imports], warm, forks });
    }
    const { default: wished, ...choices } = template;
    const usual = notForked.has(wished) ? bare.name : wished;
    const rules = Object.entries(choices as Record<string, z.infer<typeof choiceSchema>>).map(([template, choice]) => ({
      template,
      mentions: choice.mentions.length > 0 ? new RegExp(`\\b(?:${choice.mentions.join('|')})\\b`) : undefined,
      inputs: choice.inputs,
    }));
    const isFork = park !== undefined && 'module' in (ownParks[park] ?? parks.get(park) ?? []);
    const kindOf = (template: string, withTools: boolean): SandboxKind =>
      withTools && isFork
        ? { template, park, isSupervised: true }
        : { template, park: withTools && isAhead ? undefined : park };
    const runtime: Runtime = {
      name,
      ...rest,
      compile: rest.compile,
      check: rest.check,
      prefix: prefix && { text: prefix.text, unless: new RegExp(prefix.unless) },
      stays: stays === undefined ? undefined : new RegExp(stays),
      literals: literals === undefined ? undefined : new RegExp(literals, 'g'),
      digest: digestOf(join(dir, name)),
      isCalled: (word) => words.has(word) || words.has(withoutVersion(word)),
      kernel: kernel && kernelOf(name, kernel),
      tools,
      compileKind: { template: bare.name, park: undefined },
      kindFor(code, inputs, withTools = false) {
        const rule = rules.find(
          (rule) => rule.mentions?.test(code) || inputs.some((input) => rule.inputs.some((end) => input.endsWith(end))),
        );
        return kindOf(rule?.template ?? ((withTools && tools?.template) || usual), withTools);
      },
    };
    runtimes.push(runtime);
    if (rest.run.kind === 'program' && isAhead) parks.set(name, aheadOf(runtime, rest.run));
    for (const word of words) {
      if (names.has(word)) throw new Error(`${file}: "${word}" already means ${names.get(word)!.name}`);
      names.set(word, runtime);
    }
    for (const [name, process] of Object.entries(ownParks)) parks.set(name, process);
    const wanted = [kindOf(usual, false), ...rules.map((rule) => kindOf(rule.template, false))];
    if (tools)
      wanted.push(
        ...[tools.template ?? usual, ...rules.map((rule) => rule.template)].map((each) => kindOf(each, true)),
      );
    for (const kind of wanted) kinds.set(kindKey(kind), kind);
    if (tools && (tools.template ?? usual) === bare.name)
      throw new Error(`${file}: programs that call tools need a template with Python`);
    if (rest.compile ?? rest.check) kinds.set(kindKey(runtime.compileKind), runtime.compileKind);
    if (kernel?.kind === 'fork') sessionTemplate = kernel.template;
  }
  if (!sessionTemplate) throw new Error(`${dir}: no language has a kernel that is a fork`);
  const template = sessionTemplate;
  const sessionKindOf = (kernel: Kernel | null): SandboxKind => ({ template, park: undefined, kernel });
  for (const kernel of [null, ...runtimes.flatMap(({ kernel }) => kernel ?? [])]) {
    const kind = sessionKindOf(kernel);
    kinds.set(kindKey(kind), kind);
  }
  if ([...kinds.values()].some(({ template }) => template === bare.name)) templates.push(bare);
  const find = (language: string) => {
    const word = language.trim().toLowerCase();
    return names.get(word) ?? names.get(withoutVersion(word));
  };
  return {
    runtimes,
    templates: sortUsualFirst(templates, runtimes).map((template) => ({
      ...template,
      parked: [...kinds.values()].flatMap(({ template: name, park }) => {
        const process = name === template.name && park !== undefined ? parks.get(park)! : [];
        return 'module' in process ? [process.module] : [];
      }),
    })),
    parks,
    parkOf(kind) {
      const park = kind.park === undefined ? undefined : parks.get(kind.park)!;
      if (Array.isArray(park) && templates.some(({ name, forks }) => forks && name === kind.template))
        return { program: park };
      return park && 'module' in park && !kind.isSupervised ? { ...park, init: 'bare' } : park;
    },
    kinds: [...kinds.values()],
    sessionKind: (language) => sessionKindOf((language !== undefined && find(language)?.kernel) || null),
    find,
  };
}

function whole([name, template]: [string, z.infer<typeof runtimeSchema>['templates'][string]]) {
  const none = { extends: undefined, imports: [], warm: null, forks: undefined };
  return [name, { ...none, ...template }] as const;
}

/** The program that most sources of a runtime are, as `programOf` orders it: without words of its own, under the usual name. Another one is begun anew. */
function aheadOf(
  { entry, env }: Runtime,
  run: { readonly argv: readonly string[]; readonly env: Readonly<Record<string, string>> },
): Park {
  const path = `/mnt/data/${entry}`;
  const argv = run.argv.filter((word) => word !== '{args}').map((word) => word.replaceAll('{entry}', path));
  return { argv, env: { ...env, ...run.env, _PROGRAM_SOURCE: path } };
}

/** `python3.12` is `python`, `c++17` is `c++`. */
function withoutVersion(word: string): string {
  return word.replace(/[-_ ]?v?\d+(?:\.(?:\d+|x))*$/, '');
}

function digestOf(folder: string): string {
  const hash = createHash('sha256');
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.sort()) hash.update(`${file.slice(folder.length)}\0`).update(readFileSync(file));
  return hash.digest('hex');
}

/** The kind as one word. */
export function kindKey(kind: SandboxKind): string {
  return [kind.template, kind.park, kind.isSupervised && 'tools', kind.kernel?.name].filter(Boolean).join('+');
}

/**
 * The template of Python that most runtimes use by default comes first: the service answers as soon as that one is loaded. The bare one
 * takes no time and comes last.
 */
function sortUsualFirst(templates: Template[], runtimes: readonly Runtime[]): Template[] {
  // The first one proves at every start that sandboxes can be made: a program that is forked would be loaded for that alone.
  const uses = ({ name, forks }: Template) =>
    name === bare.name || forks ? -1 : runtimes.filter((runtime) => runtime.kindFor('', []).template === name).length;
  return templates.sort((a, b) => uses(b) - uses(a));
}
