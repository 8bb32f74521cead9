import { DragomanError, type Principal, type Tier } from '../../core/index.ts';
import type { InputFile } from '../files/files.ts';
import { seal, unseal } from '../grants/sealed.ts';

/** What any gateway needs to record how an execution ended, when the one that began it is gone. */
export interface Keep {
  readonly id: string;
  readonly principal: Pick<Principal, 'id' | 'tenant' | 'plan'>;
  /** The gateway that began it, and records it as long as it lives. */
  readonly gateway: string;
  /** Canonical name. */
  readonly language: string;
  readonly tier: Tier;
  /** Id of its session; null: it runs on its own. */
  readonly session: string | null;
  /** The kernel it runs in; null: it is a program. */
  readonly kernel: string | null;
  readonly startedAt: number;
  /** The files of the request. Left out where they are many: then nobody is told that these are what they were. */
  readonly inputs: readonly InputFile[];
}

/** Inputs that a keep names: it goes with the job to its worker and back. */
const maxInputs = 50;
const maxChars = 64 * 1024;

/** Keeps as text. Workers carry them and can neither read nor change them. */
export class Keeps {
  readonly #secret: Uint8Array;

  /** @param secret of all gateways */
  constructor(secret: Uint8Array) {
    this.#secret = secret;
  }

  seal(keep: Keep): string {
    const inputs = keep.inputs.length > maxInputs ? [] : keep.inputs;
    return seal(JSON.stringify({ ...keep, inputs }), this.#secret);
  }

  /** @throws DragomanError forbidden for what was not sealed by a gateway */
  open(text: string): Keep {
    const opened = text.length > maxChars ? undefined : unseal(text, this.#secret);
    if (opened === undefined)
      throw new DragomanError('forbidden', { message: 'An ending carries no keep of this service.' });
    return JSON.parse(opened);
  }
}
