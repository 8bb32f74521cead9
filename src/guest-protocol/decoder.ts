import { countJson } from '../core/index.ts';
import { type ClaimAllowance, usualAllowance } from './allowance.ts';
import { type Aside, frameCost, parseAside, parseData } from './beside.ts';
import { type Claim, parseClaim } from './claims.ts';

/** Marks in the length of a frame: what is said beside cells. */
const [asideMark, dataMark] = [0x4000_0000, 0x8000_0000];
const maxAsideBytes = 1024 * 1024;
/** Of one frame beside cells. An honest one, a list of files, has a tenth. */
const maxAsideValues = 50_000;
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
  #granted = 0;

  /** Lets the guest say so many bytes more beside cells: it only answers, or says what it was granted. */
  grant(bytes: number): void {
    this.#granted += bytes;
  }

  /** Starts counting from zero, under this allowance. */
  allow(allowance: ClaimAllowance = usualAllowance): void {
    this.#allowance = allowance;
    this.#claims = 0;
    this.#bytes = 0;
    this.#values = 0;
  }

  /**
   * Takes bytes, returns what is complete, in its order.
   * @throws Error on an over-long, malformed or unknown frame, on a flood, and on more beside cells than was granted
   */
  push(chunk: Uint8Array): (Claim | Aside)[] {
    this.#parts.push(chunk);
    this.#buffered += chunk.length;
    const said: (Claim | Aside)[] = [];
    while (this.#buffered >= this.#wanted) {
      const whole = this.#parts.length === 1 ? view(this.#parts[0]!) : Buffer.concat(this.#parts);
      this.#parts = [whole];
      const head = whole.readUInt32BE(0);
      const size = head % asideMark;
      const isAside = head >= asideMark;
      if (size > (isAside ? maxAsideBytes : this.#allowance.claimBytes)) throw new Error(`a claim of ${size} bytes`);
      this.#wanted = 4 + size;
      if (whole.length < this.#wanted) break;
      const frame = whole.subarray(4, this.#wanted);
      said.push(isAside ? this.#aside(frame, head >= dataMark) : this.#claim(frame));
      this.#parts = [whole.subarray(this.#wanted)];
      this.#buffered -= this.#wanted;
      this.#wanted = 4;
    }
    return said;
  }

  #claim(frame: Buffer): Claim {
    this.#count(frame);
    return parseClaim(frame.toString('utf8'));
  }

  #aside(frame: Buffer, isData: boolean): Aside {
    this.#granted -= frame.length + frameCost;
    if (this.#granted < 0) throw new Error('more beside cells than was asked for');
    if (isData) return parseData(frame);
    if (countJson(frame, maxDepth, maxAsideValues) > maxAsideValues) throw new Error('a flood of values');
    return parseAside(frame.toString('utf8'));
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
