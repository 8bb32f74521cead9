import { compileSeccomp } from './compile.ts';
import { type SeccompArch, sandboxPolicy } from './policy.ts';

export { type Decision, type SeccompArch, sandboxPolicy } from './policy.ts';

/** The BPF program every sandbox runs under, ready for the kernel: an array of struct sock_filter. */
export function seccompProgram(arch: SeccompArch): Buffer {
  return compileSeccomp(sandboxPolicy(), arch);
}
