import { commandsOf, type RuntimeCatalogue } from '../engine/index.ts';
import type { Language } from '../runner/index.ts';

/** The languages of an image, as data. */
export function languagesOf(catalogue: RuntimeCatalogue): readonly Language[] {
  return catalogue.runtimes.map((runtime) => ({
    name: runtime.name,
    title: runtime.title,
    aliases: runtime.aliases,
    kernel: runtime.kernel?.name ?? null,
    tools: runtime.tools?.names ?? null,
    ...commandsOf(runtime, catalogue),
  }));
}
