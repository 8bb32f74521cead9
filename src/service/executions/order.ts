import { DragomanError, type Limits, type Principal, type Tier } from '../../core/index.ts';
import type { Language } from '../../runner/index.ts';
import type { KernelRecord } from '../../stores/index.ts';
import type { ResolvedInput } from '../files/inputs.ts';
import type { ExecutionRequest } from './executions.ts';

/** What is to run, checked. */
export interface Order {
  readonly principal: Principal;
  readonly language: Language;
  readonly request: ExecutionRequest;
  readonly inputs: readonly ResolvedInput[];
  readonly limits: Limits;
  readonly tier: Tier;
  /** Null: the default kernel of the language, or none. */
  readonly kernel: KernelRecord | null;
}

/** Whether it is a cell of an interpreter that stays. */
export function isCell({ language, request }: Pick<Order, 'language' | 'request'>): boolean {
  const asProgram = request.asProgram || request.stdin !== undefined || (request.args ?? []).length > 0;
  return language.kernel !== null && !asProgram;
}

/** @throws DragomanError invalid_request for a kernel where none can be */
export function checkKernel(request: ExecutionRequest, language: Language): void {
  if (request.question && (request.sessionId === undefined || !isCell({ language, request })))
    throw new DragomanError('invalid_request', { message: `${language.title} has no kernel that could be asked` });
  if (request.kernelId === undefined) return;
  const refuse = (message: string) => {
    throw new DragomanError('invalid_request', { message });
  };
  if (request.sessionId === undefined) refuse('a kernel is part of a session');
  if (!isCell({ language, request })) refuse('a program runs in no kernel: leave out the kernel, or args and stdin');
}
