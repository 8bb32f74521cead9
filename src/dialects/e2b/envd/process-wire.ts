import { z } from 'zod';
import { commandSignals } from '../../../core/index.ts';

/** Messages of `process.Process`, as JSON: unset fields are left out, unknown ones do not matter, bytes are base64. */

const text = z.string().max(4096);
const bytes = z
  .string()
  .regex(/^[A-Za-z0-9+/_-]*={0,2}$/, 'must be base64')
  .transform((value) => Buffer.from(value, 'base64'));
const size = z.looseObject({
  cols: z.number().int().min(1).max(10_000).default(80),
  rows: z.number().int().min(1).max(10_000).default(24),
});
const pty = z.looseObject({ size: size.optional() });

/** By pid or tag. */
const process = z.looseObject({ pid: z.number().int().min(0).max(0xffff_ffff).optional(), tag: text.optional() });
export type Selector = z.infer<typeof process>;

export const startRequest = z.looseObject({
  process: z.looseObject({
    cmd: text,
    args: z.array(z.string()).max(10_000).default([]),
    envs: z.record(z.string().max(256), z.string()).default({}),
    cwd: text.optional(),
  }),
  pty: pty.optional(),
  tag: text.optional(),
  /** Older clients leave it out and mean that they will write. */
  stdin: z.boolean().default(true),
});
export const selectRequest = z.looseObject({ process });
export const listRequest = z.looseObject({});

const signalNumbers: Readonly<Record<number, string>> = { 9: 'SIGKILL', 15: 'SIGTERM' };
export const signalRequest = z.looseObject({
  process,
  signal: z
    .union([z.string().max(64), z.number()])
    .transform((signal) => (typeof signal === 'number' ? signalNumbers[signal] : signal.replace(/^SIGNAL_/, '')))
    .pipe(z.enum(commandSignals)),
});

const input = z.looseObject({ stdin: bytes.optional(), pty: bytes.optional() });
export const inputRequest = z.looseObject({ process, input });
export const streamInputRequest = z.looseObject({
  start: z.looseObject({ process }).optional(),
  data: z.looseObject({ input }).optional(),
});
export const updateRequest = z.looseObject({ process, pty: pty.optional() });
