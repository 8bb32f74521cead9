import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { memoryJobLog } from '../../../src/runner/index.ts';
import { Engines, LocalRunner } from '../../../src/worker/index.ts';
import { startEngine, type TestEngine, testLimits } from '../../support/engine.ts';
import { line } from './python-steps.ts';
import { describeRunner } from './runner.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

describeRunner('local', async (files) => {
  const runner = new LocalRunner({
    engines: new Engines([engine.engine]),
    files,
    events: memoryJobLog(),
    limits: testLimits,
    maxLive: 10,
    reserveBytes: 0,
    availableMemory: () => Number.MAX_SAFE_INTEGER,
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    now: Date.now,
  });
  onTestFinished(() => runner.close());
  return {
    runner,
    limits: testLimits,
    language: 'python',
    code: (steps) => ['import os, pathlib, sys, time', ...steps.map(line), 'None'].join('\n'),
  };
});
