import type { Claim } from '../backend.ts';

/** Largest frame a guest may send: claims are short, everything long goes over the output streams or files. */
export const maxClaimBytes = 65_536;

/** A path and what is wrong with it. */
const maxFaultLength = 1000;

/** Splits the claims pipe into frames. Hostile input: every fault is a thrown Error and ends the sandbox. */
export class ClaimDecoder {
  #buffered: Buffer = Buffer.alloc(0);

  /** Feeds bytes, returns the claims that are complete. @throws Error on an over-long, malformed or unknown frame */
  push(chunk: Uint8Array): Claim[] {
    this.#buffered = this.#buffered.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#buffered, chunk]);
    const claims: Claim[] = [];
    let at = 0;
    while (this.#buffered.length - at >= 4) {
      const size = this.#buffered.readUInt32BE(at);
      if (size > maxClaimBytes) throw new Error(`a claim of ${size} bytes`);
      if (this.#buffered.length - at - 4 < size) break;
      claims.push(parseClaim(this.#buffered.toString('utf8', at + 4, at + 4 + size)));
      at += 4 + size;
    }
    this.#buffered = this.#buffered.subarray(at);
    return claims;
  }
}

function parseClaim(text: string): Claim {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) throw new Error('a claim that is not an object');
  const { claim, token, code, signal, message } = value as Record<string, unknown>;
  if (claim === 'ready' || claim === 'parked') return { claim };
  if (claim === 'fault' && typeof message === 'string' && message.length <= maxFaultLength) return { claim, message };
  if (claim === 'done') {
    const validCode = code === null || (Number.isInteger(code) && (code as number) >= 0 && (code as number) <= 255);
    const validSignal = signal === null || (typeof signal === 'string' && /^SIG[A-Z0-9]{2,10}$/.test(signal));
    const oneOfThem = (code === null) !== (signal === null);
    if (validCode && validSignal && oneOfThem && typeof token === 'string')
      return { claim, token, code: code as number | null, signal: signal as string | null };
  }
  throw new Error('an unknown claim');
}
