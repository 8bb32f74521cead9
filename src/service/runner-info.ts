import { type Plan, type TierState, usualWallMs } from '../core/index.ts';
import type { Language, Runner } from '../runner/index.ts';

/** A language a caller may name. */
export interface LanguageInfo extends Omit<Language, 'kernel' | 'tools'> {
  /** By what they are versions of. */
  readonly versions: Readonly<Record<string, string>>;
  /** A live session keeps variables from cell to cell; otherwise its files alone. */
  readonly keepsVariables: boolean;
}

/** What the runner can do: its languages, and whether it can run code now. */
export class RunnerInfo {
  readonly #runner: Runner;
  #closing = false;

  constructor(runner: Runner) {
    this.#runner = runner;
  }

  /** From now on the service is not ready. */
  close(): void {
    this.#closing = true;
  }

  /** Languages of the image. @throws DragomanError sandbox_unavailable */
  async languages(): Promise<readonly LanguageInfo[]> {
    const [languages, versions] = await Promise.all([this.#runner.languages(), this.#runner.versions()]);
    return languages.map(({ kernel, tools: _, ...language }) => ({
      ...language,
      versions: versions[language.name] ?? {},
      keepsVariables: kernel !== null,
    }));
  }

  /** What sandboxes may be behind here: what the settings or a plan name. */
  tiers(): Promise<readonly TierState[]> {
    return this.#runner.tiers();
  }

  /** The wall clock of code that asks for none, in the tier of a plan. */
  async usualWallMs(plan: Plan): Promise<number> {
    const states = await this.tiers();
    return usualWallMs(plan, states.find(({ tier }) => tier === plan.tier)?.pace);
  }

  /** Whether code could run now. */
  async health(): Promise<{ ready: boolean; reason?: string }> {
    if (this.#closing) return { ready: false, reason: 'shutting down' };
    const fault = await this.#runner.fault();
    return fault === null ? { ready: true } : { ready: false, reason: fault };
  }
}
