import { setTimeout as sleep } from 'node:timers/promises';
import { type CellResult, DragomanError, planOf, restoredText, type ToolDefinition } from '../../core/index.ts';
import type { Execution, ExecutionRequest, RunningExecution } from '../../service/index.ts';
import { CellOutput } from './cell-output.ts';
import { type CellHost, type Request, refusal } from './host.ts';
import { type Fields, isFields } from './wire.ts';

/** The tool by which code asks for a line of input. */
const inputTool: ToolDefinition = {
  name: 'dragoman_input',
  parameters: { type: 'object', properties: { prompt: { type: 'string' }, secret: { type: 'boolean' } } },
};
const maxExpressions = 100;
/** How long a cell waits where the key has used up its rate. */
const maxRateWaitMs = 120_000;

/** Why an interpreter is gone, in words. */
const reasons: Readonly<Record<CellResult['outcome'], string>> = {
  completed: 'The interpreter ended.',
  timed_out: 'The cell reached its time limit and did not heed the interrupt.',
  out_of_memory: 'The sandbox ran out of memory.',
  output_limit: 'The cell printed too much and did not heed the interrupt.',
  killed: 'The interpreter was killed.',
  cancelled: 'The interpreter was ended.',
  worker_lost: 'The machine that ran the interpreter was lost. The cell may have run in part.',
};

/**
 * Runs an execute_request and says what it shows, its reply included; the caller says busy and idle. Never rejects for what the code
 * or the service does.
 */
export async function runCell(
  kernel: CellHost,
  request: Request,
): Promise<{ readonly failed: boolean; readonly isLost: boolean }> {
  const { header, content } = request.message;
  const code = typeof content.code === 'string' ? content.code : '';
  const isSilent = content.silent === true;
  const isRemembered = !isSilent && content.store_history !== false;
  await sayRestored(kernel);
  const { count, hasRun: hadRun } = kernel;
  if (!isSilent) kernel.tell(header, 'execute_input', { code, execution_count: count });
  const output = new CellOutput((type, said, metadata) => kernel.tell(header, type, said, metadata), count);
  const end = (said: Fields) => {
    output.end();
    if (said.status === 'error' && said.isTold !== true)
      kernel.tell(header, 'error', { ename: said.ename, evalue: said.evalue, traceback: said.traceback });
    const { isTold: _, ...reply } = said;
    kernel.reply(request, 'execute_reply', { execution_count: count, ...reply });
    return { failed: said.status === 'error', isLost: false };
  };

  let ended: Execution;
  try {
    await admitted(request);
    const manner = { isSilent, isRemembered, expressions: expressionsOf(content.user_expressions) };
    const execution = await start(kernel, { code, manner, asks: content.allow_stdin === true });
    kernel.noteExecution(execution);
    await follow(kernel, request, execution, output);
    ended = await execution.done;
    if (isRemembered) kernel.count = count + 1;
    kernel.hasRun = true;
    for (const note of (await kernel.home?.takeFrom(kernel, ended)) ?? []) output.print('stderr', `${note}\n`);
  } catch (error) {
    const isCancelled = error instanceof DragomanError && error.code === 'cancelled';
    return end(isCancelled ? interrupted : refusal(error));
  }

  const { result, continuity, restored } = ended;
  // Its sandbox was let go, or lost after we looked.
  if (restored) output.print('stderr', `[${restoredText(restored)}]\n`);
  else if (continuity === 'restored' && hadRun) output.print('stderr', '[the variables of earlier cells were lost]\n');
  if (result.interpreter === 'lost') {
    const evalue = reasons[result.outcome];
    const traceback = [`DeadKernelError: ${evalue}`];
    return { ...end({ status: 'error', ename: 'DeadKernelError', evalue, traceback }), isLost: true };
  }
  if (result.error) {
    const { name: ename, value: evalue, traceback } = result.error;
    return end({ status: 'error', isTold: true, ename, evalue, traceback });
  }
  if (kernel.spec.language === 'bash' && result.exitCode !== 0)
    return end({ status: 'error', ename: 'ExitStatus', evalue: String(result.exitCode), traceback: [] });
  return end({ status: 'ok', user_expressions: output.expressions, payload: [] });
}

const interrupted = {
  status: 'error',
  ename: 'KeyboardInterrupt',
  evalue: '',
  traceback: ['KeyboardInterrupt'],
};

/** Says that a kernel whose sandbox is gone is a new one, before anything runs in it. */
async function sayRestored(kernel: CellHost): Promise<void> {
  // Where variables are saved they may come back: then the cell says what did.
  if (!kernel.hasRun || planOf(kernel.services.plans, kernel.principal).state) return;
  const { sessions } = kernel.services;
  const info = await sessions.get(kernel.principal, kernel.sessionId).catch(() => undefined);
  if (info?.state === 'live') return;
  kernel.sayRestarted();
}

/** Waits where the key has used up its rate of executions. @throws DragomanError rate_limited after too long */
async function admitted({ connection }: Request): Promise<void> {
  const until = performance.now() + maxRateWaitMs;
  for (;;) {
    try {
      return connection.admit();
    } catch (error) {
      const isRate = error instanceof DragomanError && error.code === 'rate_limited';
      const waitMs = isRate ? (error.retryAfterSeconds ?? 1) * 1000 : Number.POSITIVE_INFINITY;
      if (performance.now() + waitMs > until || !connection.isOpen) throw error;
      await sleep(waitMs);
    }
  }
}

function start(
  kernel: CellHost,
  { code, manner, asks }: Pick<ExecutionRequest, 'code' | 'manner'> & { readonly asks: boolean },
): Promise<RunningExecution> {
  const { principal, sessionId, ownKernel: kernelId, spec, home, services } = kernel;
  const wallMs = planOf(services.plans, principal).maxWallMs;
  const begin = async () => {
    const files = await home?.bringTo(kernel);
    return services.executions.start(principal, {
      ...{ sessionId, kernelId, language: spec.language, code, manner, wallMs, files },
      ...(asks ? { tools: [inputTool] } : {}),
    });
  };
  return begin();
}

/** Says what a cell shows as it shows it, and asks its client where it asks. */
async function follow(
  kernel: CellHost,
  request: Request,
  execution: RunningExecution,
  output: CellOutput,
): Promise<void> {
  const asked = new Set<string>();
  for await (const { event } of execution.events()) {
    output.take(event);
    if (event.type !== 'tool_calls') continue;
    for (const { id, name, input } of execution.pending) {
      if (name !== inputTool.name || asked.has(id)) continue;
      asked.add(id);
      const prompt = typeof input.prompt === 'string' ? input.prompt : '';
      kernel.askInput(request, prompt, input.secret === true, (value) => {
        execution.answer([{ id, value }]).catch(() => {});
      });
    }
  }
}

function expressionsOf(value: unknown): Readonly<Record<string, string>> {
  if (!isFields(value)) return {};
  const texts = Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return Object.fromEntries(texts.slice(0, maxExpressions));
}
