import { countJson, type InterpreterState } from '../../core/index.ts';
import type { Claim, ClaimAllowance } from '../port.ts';

/** Claims are short and few, but for a kernel's: everything long goes over the output streams or files. */
export const usualAllowance: ClaimAllowance = {
  claims: 1000,
  claimBytes: 65_536,
  bytes: 8 * 1024 * 1024,
  values: 100_000,
};

/** A path and what is wrong with it. */
const maxFaultLength = 1000;
/** What shows values goes through calls that call themselves for each level: far more than honest forms need. */
const maxDepth = 100;

/** Splits the claims pipe into frames. Hostile input: every fault is a thrown Error and ends the sandbox. */
export class ClaimDecoder {
  #parts: Uint8Array[] = [];
  #buffered = 0;
  /** Size of the frame that is arriving, with its head; 4 until the head is there. */
  #wanted = 4;
  #allowance = usualAllowance;
  #claims = 0;
  #bytes = 0;
  #values = 0;

  /** Begins to count anew, under this allowance. */
  allow(allowance: ClaimAllowance = usualAllowance): void {
    this.#allowance = allowance;
    this.#claims = 0;
    this.#bytes = 0;
    this.#values = 0;
  }

  /** Feeds bytes, returns the claims that are complete. @throws Error on an over-long, malformed or unknown frame, and on a flood */
  push(chunk: Uint8Array): Claim[] {
    this.#parts.push(chunk);
    this.#buffered += chunk.length;
    const claims: Claim[] = [];
    while (this.#buffered >= this.#wanted) {
      const whole = this.#parts.length === 1 ? view(this.#parts[0]!) : Buffer.concat(this.#parts);
      this.#parts = [whole];
      const size = whole.readUInt32BE(0);
      if (size > this.#allowance.claimBytes) throw new Error(`a claim of ${size} bytes`);
      this.#wanted = 4 + size;
      if (whole.length < this.#wanted) break;
      this.#count(whole.subarray(4, this.#wanted));
      claims.push(parseClaim(whole.toString('utf8', 4, this.#wanted)));
      this.#parts = [whole.subarray(this.#wanted)];
      this.#buffered -= this.#wanted;
      this.#wanted = 4;
    }
    return claims;
  }

  /** Before it is parsed: a short text of nothing but brackets would take the service's time and twenty times its memory. */
  #count(claim: Uint8Array): void {
    this.#claims++;
    this.#bytes += claim.length;
    const { claims, bytes, values } = this.#allowance;
    if (this.#claims > claims || this.#bytes > bytes) throw new Error('a flood of claims');
    this.#values += countJson(claim, maxDepth, values - this.#values);
    if (this.#values > values) throw new Error('a flood of values');
  }
}

const interpreterStates: readonly unknown[] = ['kept', 'lost', 'none'] satisfies InterpreterState[];

function parseClaim(text: string): Claim {
  const value: unknown = JSON.parse(text);
  if (!isObject(value)) throw new Error('a claim that is not an object');
  const { claim, token, code, signal, message, event, interpreter = 'none', id, name, input, pending } = value;
  if (claim === 'ready' || claim === 'parked') return { claim };
  if (claim === 'fault' && typeof message === 'string' && message.length <= maxFaultLength) return { claim, message };
  if (claim === 'event' && typeof token === 'string' && isObject(event)) return { claim, token, event };
  if (
    claim === 'call' &&
    typeof token === 'string' &&
    isCount(id) &&
    typeof name === 'string' &&
    typeof input === 'string'
  )
    return { claim, token, id, name, input };
  if (claim === 'waiting' && typeof token === 'string' && Array.isArray(pending) && pending.every(isCount))
    return { claim, token, pending };
  if (claim === 'done') {
    const validCode = code === null || (Number.isInteger(code) && (code as number) >= 0 && (code as number) <= 255);
    const validSignal = signal === null || (typeof signal === 'string' && /^SIG[A-Z0-9]{2,10}$/.test(signal));
    const oneOfThem = (code === null) !== (signal === null);
    if (validCode && validSignal && oneOfThem && typeof token === 'string' && interpreterStates.includes(interpreter))
      return {
        claim,
        token,
        code: code as number | null,
        signal: signal as string | null,
        interpreter: interpreter as InterpreterState,
      };
  }
  throw new Error('an unknown claim');
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
