import { DragomanError, gradeOf, type Tier, type TierState } from '../core/index.ts';
import type { Engine, RuntimeCatalogue } from '../engine/index.ts';
import type { RunnerCensus } from '../runner/index.ts';

const maxFaultChars = 500;

/** What a worker runs code with: an engine for each tier it has. All have the same image. */
export class Engines {
  /** The first is the service's own: of it the image is asked, and the worker is well if it is. */
  readonly #engines: readonly [Engine, ...Engine[]];
  readonly #faults: ReadonlyMap<Tier, string>;

  /** @param faults why there is no engine for other tiers that are wanted */
  constructor(engines: readonly [Engine, ...Engine[]], faults: ReadonlyMap<Tier, string> = new Map()) {
    this.#engines = engines;
    // They become part of answers.
    this.#faults = new Map(
      [...faults].map(([tier, fault]) => [tier, fault.replace(/\s+/g, ' ').slice(0, maxFaultChars)]),
    );
  }

  get catalogue(): RuntimeCatalogue {
    return this.first.catalogue;
  }

  get first(): Engine {
    return this.#engines[0];
  }

  /** The engine of a tier, and never one of another. @throws DragomanError sandbox_unavailable */
  of(tier: Tier): Engine {
    const found = this.#engines.find((engine) => engine.tier === tier);
    if (found) return found;
    const reason = this.#faults.get(tier) ?? 'it is not set up';
    throw new DragomanError('sandbox_unavailable', {
      message: `This worker has no sandboxes of the isolation ${tier}: ${reason}.`,
      lasting: true,
    });
  }

  states(): TierState[] {
    const there = this.#engines.map(({ tier, pace }) => ({ tier, fault: null, pace }));
    const missing = [...this.#faults].map(([tier, fault]) => ({ tier, fault }));
    return [...there, ...missing].sort((a, b) => gradeOf(a.tier) - gradeOf(b.tier));
  }

  census(): RunnerCensus['tiers'] {
    return this.#engines.map((engine) => {
      const { live, parked } = engine.census();
      return { tier: engine.tier, live, parked: Object.values(parked).reduce((sum, each) => sum + each, 0) };
    });
  }
}
