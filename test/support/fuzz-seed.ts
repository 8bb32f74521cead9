import fc from 'fast-check';

// The same cases in every run: a change is judged by what it changed. FUZZ_SEED=<number> explores others.
fc.configureGlobal({ seed: Number(process.env.FUZZ_SEED ?? 20_261_121) });
