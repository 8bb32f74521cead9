import { countJson } from './json-shape.ts';

/** What became of the variables of a kernel. Kernels claim it: it is bounded and printable, and true only as far as they are. */
export interface StateReport {
  /** How many are whole. */
  readonly variables: number;
  /** Whole ones, the first few. */
  readonly kept: readonly { readonly name: string; readonly type: string }[];
  /** Those of which something inside is lost, by its type. */
  readonly partial: readonly { readonly name: string; readonly type: string; readonly lost: readonly string[] }[];
  readonly lost: readonly { readonly name: string; readonly type: string; readonly reason: string }[];
  /** Classes and functions whose statement was run again. */
  readonly redefined: readonly string[];
  /** Settings of the process that are lost. */
  readonly ambient: readonly string[];
}

/** Why a kernel has no state, or did not get it back. */
export type StateLossReason =
  | 'deadline'
  | 'memory'
  | 'unavailable'
  | 'failed'
  | 'too_large'
  | 'quota'
  | 'storage'
  | 'broken'
  | 'changed';

/** A kernel's state is not there as a whole. */
export interface StateLoss {
  readonly reason: StateLossReason;
  /** A sentence. */
  readonly message: string;
}

const maxEntries = 10_000;
const maxKept = 2000;
const maxName = 256;
const maxType = 200;
const maxTypesLost = 16;
const maxDepth = 8;
const maxValues = 80_000;

/** JSON text of a hostile kernel as an object, unless it is too deep or holds too many values. */
export function boundedObject(text: Uint8Array): Record<string, unknown> | undefined {
  if (countJson(text, maxDepth, maxValues) > maxValues) return undefined;
  try {
    return objectOf(JSON.parse(Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString('utf8')));
  } catch {
    return undefined;
  }
}

/** Reads a report of a hostile kernel: what is not as it should be is left out, and all of it is bounded and printable. */
export function stateReportOf(value: unknown): StateReport {
  const report = objectOf(value) ?? {};
  let left = maxEntries;
  const entries = <T>(list: unknown, most: number, read: (entry: unknown) => T | undefined): T[] => {
    const taken: T[] = [];
    for (const entry of Array.isArray(list) ? list.slice(0, most) : []) {
      if (left <= 0) break;
      const read_ = read(entry);
      if (read_ === undefined) continue;
      taken.push(read_);
      left--;
    }
    return taken;
  };
  const named = (entry: unknown) => {
    const { name, type } = objectOf(entry) ?? {};
    return typeof name === 'string' ? { name: printable(name, maxName), type: printable(type, maxType) } : undefined;
  };
  // Losses first: they are what a reader must not miss.
  const lost = entries(report.lost, maxEntries, (entry) => {
    const found = named(entry);
    return found && { ...found, reason: printable(objectOf(entry)!.reason, maxType) };
  });
  const partial = entries(report.partial, maxEntries, (entry) => {
    const found = named(entry);
    const types = objectOf(entry)?.lost;
    const inside = Array.isArray(types) ? types.slice(0, maxTypesLost).map((type) => printable(type, maxType)) : [];
    return found && { ...found, lost: inside };
  });
  const names = (list: unknown) =>
    entries(list, maxEntries, (name) => (typeof name === 'string' ? printable(name, maxName) : undefined));
  return {
    variables: countOf(report.variables),
    lost,
    partial,
    redefined: names(report.redefined),
    ambient: names(report.ambient),
    kept: entries(report.kept, maxKept, named),
  };
}

/** Printable text of at most so many characters; anything else than text is empty. */
export function printable(value: unknown, most: number): string {
  if (typeof value !== 'string') return '';
  const text = value
    .slice(0, most)
    .toWellFormed()
    .replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '\uFFFD');
  return text;
}

function countOf(value: unknown): number {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? Math.min(value as number, 1_000_000) : 0;
}

function objectOf(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

const namedAtMost = 12;

/** In the place of a kernel's name: everything that ran in a session, as one checkpoint. No kernel can be called so. */
export const wholeSession = '*';

/** What a reader should know of variables that were to be given back: a sentence or a few, in one line of at most some 2000 characters. */
export function restoredText({
  kernel,
  savedAt,
  isBehind,
  report,
  loss,
}: {
  readonly kernel: string;
  readonly savedAt: number;
  readonly isBehind: boolean;
  readonly report: StateReport | null;
  readonly loss: StateLoss | null;
}): string {
  const when = new Date(savedAt).toISOString().slice(0, 19);
  if (kernel === wholeSession && !loss)
    return `Went on from a checkpoint of ${when}Z: variables, threads and processes are there, open connections are not.${isBehind ? ' What ran after that is not in it.' : ''}`;
  if (loss || !report)
    return `Saved variables could not be restored${loss ? `: ${loss.message.replace(/\.$/, '')}` : ''}. Earlier variables and imports are gone, files are still there.`;
  const count = `${report.variables} variable${report.variables === 1 ? '' : 's'}`;
  const parts = [
    isBehind ? `Restored ${count} as of ${when}Z; what ran after that is not in them.` : `Restored ${count}.`,
  ];
  const lost = report.lost.map(({ name, type, reason }) => {
    const why = [type, reason].filter((text) => text !== '').join(': ');
    return why === '' ? name : `${name} (${why})`;
  });
  const partial = report.partial.map(({ name, lost: types }) => `${name} (${types.join(', ')})`);
  if (lost.length > 0) parts.push(`Lost: ${few(lost)}.`);
  if (partial.length > 0) parts.push(`Incomplete: ${few(partial)}.`);
  if (report.redefined.length > 0) parts.push(`Defined again: ${few(report.redefined)}.`);
  if (report.ambient.length > 0) parts.push(`Settings lost: ${few(report.ambient)}.`);
  const text = parts.join(' ');
  return text.length > 2000 ? `${text.slice(0, 1990)} …` : text;
}

function few(names: readonly string[]): string {
  const more = names.length > namedAtMost ? ` and ${names.length - namedAtMost} more` : '';
  return `${names.slice(0, namedAtMost).join(', ')}${more}`;
}
