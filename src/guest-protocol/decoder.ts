import { countJson } from '../core/index.ts';
import { type ClaimAllowance, usualAllowance } from './allowance.ts';
import { type Claim, parseClaim } from './claims.ts';

/** What handles a claim later may recurse once per level. Honest claims stay far below this. */
const maxDepth = 100;

/** Splits a stream of bytes into claims. The input is hostile: every fault is a thrown Error and ends the sandbox. */
export class ClaimDecoder {
  #parts: Uint8Array[] = [];
  #buffered = 0;
  /** Size of the frame that is arriving, with its head; 4 until the head is complete. */
  #wanted = 4;
  #allowance = usualAllowance;
  #claims = 0;
  #bytes = 0;
  #values = 0;

  /** Starts counting from zero, under this allowance. */
  allow(allowance: ClaimAllowance = usualAllowance): void {
    this.#allowance = allowance;
    this.#claims = 0;
    this.#bytes = 0;
    this.#values = 0;
  }

  /** Takes bytes, returns the claims that are complete. @throws Error on an over-long, malformed or unknown frame, and on a flood */
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

  /** Counts before parsing: a short text of nothing but brackets would cost the service time and twenty times its memory. */
  #count(claim: Uint8Array): void {
    this.#claims++;
    this.#bytes += claim.length;
    const { claims, bytes, values } = this.#allowance;
    if (this.#claims > claims || this.#bytes > bytes) throw new Error('a flood of claims');
    this.#values += countJson(claim, maxDepth, values - this.#values);
    if (this.#values > values) throw new Error('a flood of values');
  }
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
