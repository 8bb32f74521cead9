import { afterAll, beforeAll, describe, onTestFinished } from 'vitest';
import { LocalRunner } from '../../../src/worker/index.ts';
import { startClusterRunner, startWorkerService } from '../../support/cluster-runner.ts';
import { startEngine, type TestEngine, testLimits } from '../../support/engine.ts';
import { hasNats, type NatsServer, startNats } from '../../support/nats.ts';
import { line } from './python-steps.ts';
import { describeRunner } from './runner.ts';

describe.skipIf(!hasNats())('over NATS', () => {
  let engine: TestEngine;
  let nats: NatsServer;
  beforeAll(async () => {
    [engine, nats] = await Promise.all([startEngine(), startNats()]);
  });
  afterAll(() => Promise.all([engine?.close(), nats?.close()]));

  describeRunner('cluster', async (files) => {
    const { runner, workers } = await startClusterRunner(nats.url);
    await startWorkerService(nats.url, (worker, events) => {
      const local = new LocalRunner({
        worker,
        engine: engine.engine,
        files,
        events,
        limits: testLimits,
        maxLive: 10,
        reserveBytes: 0,
        availableMemory: () => Number.MAX_SAFE_INTEGER,
        logger: { debug() {}, info() {}, warn() {}, error() {} },
        now: Date.now,
      });
      onTestFinished(() => local.close());
      return local;
    });
    await workers.some(5000);
    return {
      runner,
      limits: testLimits,
      language: 'python',
      code: (steps) => ['import os, pathlib, sys, time', ...steps.map(line), 'None'].join('\n'),
    };
  });
});
