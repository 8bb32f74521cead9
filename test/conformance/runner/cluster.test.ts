import { afterAll, beforeAll, describe } from 'vitest';
import { localRunner, startClusterRunner, startWorkerService } from '../../support/cluster-runner.ts';
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
    await startWorkerService(nats.url, (worker, events) => localRunner(engine, worker, events, files));
    await workers.some(5000);
    return {
      runner,
      limits: testLimits,
      language: 'python',
      code: (steps) => ['import os, pathlib, sys, time', ...steps.map(line), 'None'].join('\n'),
    };
  });
});
