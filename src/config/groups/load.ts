import type { RateLimits } from '../../core/index.ts';
import { section } from '../setting.ts';
import { hour, milliseconds, rateLimits, text, whole } from '../values.ts';

const setting = section('Load');

const generousRates = 'exec=600/30s,upload=300/5m,download=1200/1m,list=2400/1m';
const noLimits: RateLimits = { exec: null, upload: null, download: null, list: null };

export const concurrency = setting('DRAGOMAN_CONCURRENCY', {
  value: whole(0, 10_000),
  default: '0',
  help: 'Programs running at once; 0 chooses by cores and memory.',
});

export const queueWaitMs = setting('DRAGOMAN_QUEUE_WAIT_MS', {
  value: milliseconds(1, hour),
  default: '60000',
  help: 'How long an execution may wait for a place.',
});

export const waiting = setting('DRAGOMAN_QUEUE', {
  value: whole(0, 100_000),
  default: '64',
  plan: 'own',
  help: 'Executions of one principal that may wait for a place.',
});

export const rates = setting('DRAGOMAN_RATE_LIMITS', {
  value: rateLimits(rateLimits(noLimits).parse(generousRates)),
  default: generousRates,
  plan: 'own',
  help: 'Requests of one principal by class of route, as `class=count/period` or `class=off` (classes left out keep their default); `off` removes all limits. A whole LibreChat can be one principal.',
});

export const plansFile = setting('DRAGOMAN_PLANS', {
  value: text('JSON or path'),
  unset: 'every principal has the settings of this page',
  help: 'Named plans as JSON, or the path of a JSON file that has them: other limits and rates for some keys and tokens; see [plans](../guides/plans.md).',
});
