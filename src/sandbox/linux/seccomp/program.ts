/** Classic BPF, as far as seccomp accepts it and the kernel can evaluate it ahead of time. */
const opcodes = {
  load: 0x20, // BPF_LD | BPF_W | BPF_ABS
  and: 0x54, // BPF_ALU | BPF_AND | BPF_K
  jump: 0x05, // BPF_JMP | BPF_JA
  equal: 0x15, // BPF_JMP | BPF_JEQ | BPF_K
  atLeast: 0x35, // BPF_JMP | BPF_JGE | BPF_K
  return: 0x06, // BPF_RET | BPF_K
} as const;

const farthestBranch = 255;
const maxInstructions = 4096; // BPF_MAXINSNS

/** Where an instruction stands, counted from the program's end. */
export type Position = number;

interface Instruction {
  readonly code: number;
  readonly yes: number;
  readonly no: number;
  readonly k: number;
}

/**
 * A BPF program written from its end to its start. Jumps lead forward only, so every target exists before the jump to it, and
 * each method returns the position to jump to for what it has just written. Control falls through to what was written before.
 */
export class Program {
  readonly #reversed: Instruction[] = [];
  readonly #returns = new Map<number, Position>();

  /** Ends with `value`. Close by, an earlier one is used again. */
  return(value: number): Position {
    const known = this.#returns.get(value);
    if (known !== undefined && this.#distance(known) < farthestBranch - 1) return known;
    const position = this.#push({ code: opcodes.return, yes: 0, no: 0, k: value });
    this.#returns.set(value, position);
    return position;
  }

  /** Loads the 32 bits at byte `offset` of seccomp_data, keeps those of `mask`, and goes on at `next`. */
  load(offset: number, mask: number, next: Position): Position {
    this.#leadTo(next);
    if (mask !== 0xffff_ffff) this.#push({ code: opcodes.and, yes: 0, no: 0, k: mask });
    return this.#push({ code: opcodes.load, yes: 0, no: 0, k: offset });
  }

  /** Goes on at `yes` if what was loaded is `k` (or is at least `k`, unsigned), else at `no`. */
  branch(test: 'equal' | 'atLeast', k: number, yes: Position, no: Position): Position {
    // A jump for `no` puts `yes` one further away.
    const nearYes = this.#near(yes, 1);
    const nearNo = this.#near(no, 0);
    return this.#push({ code: opcodes[test], yes: this.#distance(nearYes), no: this.#distance(nearNo), k });
  }

  /** Instructions of 8 bytes each, little-endian: struct sock_filter. @throws Error if the kernel would not take so many */
  toBuffer(): Buffer {
    if (this.#reversed.length > maxInstructions) throw new Error(`${this.#reversed.length} instructions are too many`);
    const buffer = Buffer.alloc(this.#reversed.length * 8);
    for (const [index, { code, yes, no, k }] of this.#reversed.toReversed().entries()) {
      buffer.writeUInt16LE(code, index * 8);
      buffer.writeUInt8(yes, index * 8 + 2);
      buffer.writeUInt8(no, index * 8 + 3);
      buffer.writeUInt32LE(k, index * 8 + 4);
    }
    return buffer;
  }

  /** Instructions a jump written now would skip to reach `target`. */
  #distance(target: Position): number {
    return this.#reversed.length - target - 1;
  }

  #near(target: Position, slack: number): Position {
    return this.#distance(target) + slack <= farthestBranch ? target : this.#jump(target);
  }

  #leadTo(target: Position): void {
    if (this.#distance(target) > 0) this.#jump(target);
  }

  #jump(target: Position): Position {
    return this.#push({ code: opcodes.jump, yes: 0, no: 0, k: this.#distance(target) });
  }

  #push(instruction: Instruction): Position {
    return this.#reversed.push(instruction) - 1;
  }
}
