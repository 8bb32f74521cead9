import { z } from 'zod';
import type { ExecutionResult, Usage } from '../../core/index.ts';

const milliseconds = z.int().min(0);

const consumed = {
  wall_time: milliseconds.describe('Milliseconds.'),
  cpu_time: milliseconds.describe('Milliseconds of processor time, of all processes together.'),
  memory: z.int().min(0).describe('Peak of memory, in bytes.'),
};

/** What a run took. If the compilation failed, there was no run, and the numbers are the compilation's. */
export const statistics = {
  ...consumed,
  compile: z
    .object(consumed)
    .optional()
    .describe('What the compilation took; zeroes when the program was there from before.'),
};

const statisticsSchema = z.object(statistics);
export type Statistics = z.infer<typeof statisticsSchema>;

export function statisticsOf({ stage, usage, compileUsage }: ExecutionResult): Statistics {
  return {
    ...wire((stage === 'compile' && compileUsage) || usage),
    ...(compileUsage ? { compile: wire(compileUsage) } : {}),
  };
}

function wire({ wallMs, cpuMs, peakMemoryBytes }: Usage) {
  return { wall_time: Math.round(wallMs), cpu_time: Math.round(cpuMs), memory: peakMemoryBytes };
}
