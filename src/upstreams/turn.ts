import type { ReadableStreamReadResult } from 'node:stream/web';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LanguageModelV4, LanguageModelV4CallOptions, LanguageModelV4StreamPart } from '@ai-sdk/provider';
import { DragomanError } from '../core/index.ts';
import { Answer, partsOf } from './answer.ts';
import { waiter } from './deadline.ts';
import { type Fault, faultOf } from './faults.ts';
import type { TurnEvent } from './upstreams.ts';

/** How a question is asked. Times in milliseconds. */
export interface TurnRules {
  readonly firstTokenMs: number;
  readonly stallMs: number;
  readonly totalMs: number;
  readonly retries: number;
  readonly stream: boolean;
  /** Texts that must not reach the caller. */
  readonly secrets: readonly string[];
  /** The key is the caller's. */
  readonly ownKey: boolean;
  /** Tells the operator of an attempt that failed. */
  failed(fault: Fault, attempt: number): void;
}

/** When a provider asks to wait longer than this, the caller retries on its own. */
const longestPauseMs = 10_000;

/** Asks a model, and retries while it fails before any part of its answer comes. @throws DragomanError */
export async function* ask(
  model: LanguageModelV4,
  options: LanguageModelV4CallOptions,
  rules: TurnRules,
  signal: AbortSignal,
): AsyncGenerator<TurnEvent> {
  const endsAt = performance.now() + rules.totalMs;
  for (let attempt = 1; ; attempt++) {
    let answered = false;
    try {
      for await (const event of attemptOnce(model, options, rules, endsAt, signal)) {
        answered = true;
        yield event;
      }
      return;
    } catch (thrown) {
      if (signal.aborted) throw new DragomanError('cancelled');
      const fault = faultOf(thrown, rules.secrets, rules.ownKey);
      rules.failed(fault, attempt);
      if (answered || !(await pauseBeforeAgain(fault, attempt, rules, endsAt, signal))) throw fault.error;
    }
  }
}

/** Waits until the next attempt. @returns false at once when there is none. @throws DragomanError cancelled */
export async function pauseBeforeAgain(
  { retryable, error }: Fault,
  attempt: number,
  { retries }: Pick<TurnRules, 'retries'>,
  endsAt: number,
  signal: AbortSignal,
): Promise<boolean> {
  const pauseMs = (error.retryAfterSeconds ?? 0) * 1000 || 250 * 2 ** attempt * (0.5 + Math.random() / 2);
  if (!retryable || attempt > retries || pauseMs > longestPauseMs || performance.now() + pauseMs > endsAt) return false;
  await sleep(pauseMs, undefined, { signal }).catch(() => {
    throw new DragomanError('cancelled');
  });
  return true;
}

async function* attemptOnce(
  model: LanguageModelV4,
  options: LanguageModelV4CallOptions,
  rules: TurnRules,
  endsAt: number,
  signal: AbortSignal,
): AsyncGenerator<TurnEvent> {
  const connection = new AbortController();
  const abortSignal = AbortSignal.any([signal, connection.signal]);
  // The SDK is told of an abort, but some providers do not reject at once.
  const wait = waiter(rules.totalMs, endsAt, signal);
  const answer = new Answer();
  let complete = false;
  const firstBy = performance.now() + rules.firstTokenMs;
  const noStart = `The model did not begin to answer within ${rules.firstTokenMs / 1000} s.`;
  try {
    if (!rules.stream) {
      const result = await wait(model.doGenerate({ ...options, abortSignal }), rules.totalMs, noStart);
      complete = true;
      for (const part of partsOf(result)) yield* answer.take(part);
      return;
    }
    const { stream } = await wait(model.doStream({ ...options, abortSignal }), rules.firstTokenMs, noStart);
    const reader = stream.getReader();
    let begun = false;
    for (;;) {
      const ms = begun ? rules.stallMs : firstBy - performance.now();
      const silent = begun
        ? `The model fell silent for ${rules.stallMs / 1000} s in the middle of its answer.`
        : noStart;
      const { done, value } = await wait<ReadableStreamReadResult<LanguageModelV4StreamPart>>(
        reader.read(),
        ms,
        silent,
      );
      complete = done;
      if (done) break;
      for (const event of answer.take(value)) {
        begun = true;
        yield event;
      }
    }
    answer.close();
  } finally {
    if (!complete) connection.abort();
  }
}
