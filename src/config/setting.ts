import type { z } from 'zod';

/** What a default may depend on, besides other settings. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly isRoot: boolean;
  readonly home: string;
  readonly isTerminal: boolean;
}

/** Settings by name, in the form of an environment variable. */
export type Given = Readonly<Record<string, string>>;

/** One setting: its name, how its text becomes a value, and what the reference page says about it. */
export interface Setting<T = unknown> {
  readonly name: string;
  readonly section: string;
  /** The kind of value, in words. */
  readonly type: string;
  readonly help: string;
  /** The default as the reference page shows it, in Markdown. */
  readonly fallback: string;
  /** Must never be printed. Its text may come from a file: `<name>_FILE`. */
  readonly secret: boolean;
  /** `own`: a plan may have another value. `fixed`: no plan may, because sandboxes are made before a plan is known. */
  readonly plan: 'own' | 'fixed' | undefined;
  /** Unset it may mean another value than its default, which only the host tells: to print the default would set it. */
  readonly isOpen: boolean;
  /** The default in the form of an environment variable; undefined where there is none. */
  text(from: Surroundings): string | undefined;
  /** Reads the setting from the given texts; uses the default when it has none. A fault starts with the name. */
  read(given: Given, from: Surroundings): Reading<T>;
}

export type Reading<T> = { readonly value: T } | { readonly faults: readonly string[] };

/** Settings under the names that the program uses, in groups. */
export interface Group {
  readonly [name: string]: Setting | Group;
}

/** The values of a group of settings. */
export type Values<G> = {
  readonly [K in keyof G]: G[K] extends Setting<infer T> ? T : Values<G[K]>;
};

interface Description<T> {
  readonly value: z.ZodType<T, string>;
  readonly help: string;
  readonly secret?: true;
  readonly plan?: 'own' | 'fixed';
  readonly isOpen?: true;
}

interface Define {
  /** A setting with a default. Where the default depends on the surroundings, `shown` says how. */
  <T>(
    name: string,
    description: Description<T> &
      ({ readonly default: string } | { default(from: Surroundings): string; readonly shown: string }),
  ): Setting<T>;
  /** A setting without a default. `unset` says what happens without it. */
  <T>(name: string, description: Description<T> & { readonly unset: string }): Setting<T | undefined>;
}

/** Returns the function that defines settings of one section of the reference page. */
export function section(title: string): Define {
  return (
    name: string,
    description: Description<unknown> & {
      readonly default?: string | ((from: Surroundings) => string);
      readonly shown?: string;
      readonly unset?: string;
    },
  ): Setting<never> => {
    const { value, help, default: byDefault, shown, unset, secret = false, plan, isOpen = false } = description;
    const defaultText = (from: Surroundings) => (typeof byDefault === 'function' ? byDefault(from) : byDefault);
    return {
      name,
      section: title,
      type: value.description ?? 'text',
      help,
      fallback: unset ?? shown ?? `\`${byDefault}\``,
      secret,
      plan,
      isOpen,
      text: defaultText,
      read(given, from) {
        const text = given[name] ?? defaultText(from);
        if (text === undefined) return { value: undefined as never };
        const parsed = value.safeParse(text);
        if (parsed.success) return { value: parsed.data as never };
        return { faults: parsed.error.issues.map(({ message }) => `${name} ${message}`) };
      },
    };
  };
}

const isSetting = (part: Setting | Group): part is Setting => typeof part.read === 'function';

/** All settings of a group and of the groups in it, in order. */
export function settingsOf(group: Group): Setting[] {
  return Object.values(group).flatMap((part) => (isSetting(part) ? [part] : settingsOf(part)));
}

/** Reads every setting of a group. */
export function readGroup<G extends Group>(group: G, given: Given, from: Surroundings): Reading<Values<G>> {
  const faults: string[] = [];
  const entries = Object.entries(group).map(([name, part]) => {
    const reading = isSetting(part) ? part.read(given, from) : readGroup(part, given, from);
    if ('faults' in reading) faults.push(...reading.faults);
    return [name, 'value' in reading ? reading.value : undefined];
  });
  return faults.length > 0 ? { faults } : { value: Object.fromEntries(entries) };
}
