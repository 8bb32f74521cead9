/** The six arguments of a system call; those left out are 0. */
export type Args = readonly (number | bigint)[];

/** What the kernel hands to a filter: struct seccomp_data. */
export function seccompData(audit: number, number: number, args: Args): Buffer {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number >>> 0, 0);
  data.writeUInt32LE(audit, 4);
  for (const [index, arg] of args.entries()) data.writeBigUInt64LE(BigInt.asUintN(64, BigInt(arg)), 16 + 8 * index);
  return data;
}

export interface Run {
  readonly value: number;
  readonly instructions: number;
  /** Byte offsets that were loaded. */
  readonly loads: readonly number[];
}

/** A classic BPF machine for tests, with the kernel's checks: it throws at whatever the kernel would not accept. */
export function run(program: Buffer, data: Buffer): Run {
  const loads: number[] = [];
  let a = 0;
  let instructions = 0;
  for (let pc = 0; pc < program.length / 8; pc++) {
    instructions++;
    const [code, yes, no, k] = [
      program.readUInt16LE(pc * 8),
      program.readUInt8(pc * 8 + 2),
      program.readUInt8(pc * 8 + 3),
      program.readUInt32LE(pc * 8 + 4),
    ];
    switch (code) {
      case 0x20:
        if (k % 4 !== 0 || k >= 64) throw new Error(`load from ${k}`);
        loads.push(k);
        a = data.readUInt32LE(k);
        break;
      case 0x54:
        a = (a & k) >>> 0;
        break;
      case 0x05:
        pc += k;
        break;
      case 0x15:
        pc += a === k ? yes : no;
        break;
      case 0x35:
        pc += a >= k ? yes : no;
        break;
      case 0x06:
        return { value: k, instructions, loads };
      default:
        throw new Error(`instruction ${code.toString(16)}`);
    }
  }
  throw new Error('ran past the end');
}
