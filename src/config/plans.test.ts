import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { faultsOf, limits, load, usual } from './fixtures/usual.ts';

describe('plans', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'dragoman-plans-'));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  const withFile = (content: unknown, env: Record<string, string> = {}) => {
    const path = join(directory, 'plans.json');
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    return { DRAGOMAN_PLANS: path, ...env };
  };

  test('are the settings with values of their own', () => {
    const small = {
      run_timeout_ms: 1000,
      memory_bytes: '256m',
      cpus: '0.5',
      output_bytes: '4k',
      queue: 2,
      stored_bytes: '5m',
      stored_files: 7,
      concurrency: 1,
    };
    const config = load(
      withFile(
        { plans: { small, default: { artifacts: 5 } }, keys: { app: 'small' } },
        { DRAGOMAN_API_KEYS: 'app:s1,other:s2,s3', DRAGOMAN_PROCESSES: '32' },
      ),
    );
    expect(config.plans.get('small')).toEqual({
      ...usual,
      isTimeUsual: false,
      limits: { ...limits, processes: 32, wallMs: 1000, memoryBytes: 268_435_456, cpus: 0.5, outputBytes: 4096 },
      running: 1,
      waiting: 2,
      storedBytes: 5_242_880,
      storedFiles: 7,
    });
    expect(config.plans.get('default')!.limits).toEqual({ ...limits, processes: 32, artifacts: 5 });
    expect(config.engine.limits).toEqual({ ...limits, processes: 32 });
    expect(config.authentication.keys.map(({ plan }) => plan)).toEqual(['small', undefined, undefined]);
  });

  test('say what sandboxes are behind, and what a request may choose', () => {
    const config = load(
      withFile(
        {
          plans: {
            strong: { isolation: 'gvisor' },
            free: { isolation_choices: 'microvm, gvisor' },
            small: { cpus: 0.5 },
          },
          keys: { app: { plan: 'small', isolation: 'gvisor' }, other: { isolation: 'microvm' } },
        },
        { DRAGOMAN_API_KEYS: 'app:s1,other:s2', DRAGOMAN_ISOLATION_CHOICES: 'namespaces' },
      ),
    );
    const of = (name: string | undefined) => {
      const { tier, otherTiers, limits: own } = config.plans.get(name!)!;
      return { tier, otherTiers, cpus: own.cpus };
    };
    const usually = { cpus: limits.cpus };
    expect(of('default')).toEqual({ ...usually, tier: 'namespaces', otherTiers: ['namespaces'] });
    // A plan that names its own has no choice that it does not name.
    expect(of('strong')).toEqual({ ...usually, tier: 'gvisor', otherTiers: [] });
    expect(of('free')).toEqual({ ...usually, tier: 'namespaces', otherTiers: ['microvm', 'gvisor'] });
    const [app, other] = config.authentication.keys;
    expect(of(app!.plan)).toEqual({ tier: 'gvisor', otherTiers: [], cpus: 0.5 });
    expect(of(other!.plan)).toEqual({ ...usually, tier: 'microvm', otherTiers: [] });
  });

  test('keep the rates of the service for what they leave out', () => {
    const plans = { a: { rate_limits: 'exec=1/1s' }, b: { rate_limits: 'off' } };
    const rates = (env: Record<string, string>, plan: string) => load(withFile({ plans }, env)).plans.get(plan)!.rates;
    expect(rates({}, 'a')).toEqual({ ...usual.rates, exec: { count: 1, periodMs: 1000 } });
    expect(rates({ DRAGOMAN_RATE_LIMITS: 'list=2/1s' }, 'a')).toMatchObject({ list: { count: 2, periodMs: 1000 } });
    const off = { exec: null, upload: null, download: null, list: null };
    expect(rates({ DRAGOMAN_RATE_LIMITS: 'off' }, 'a')).toEqual({ ...off, exec: { count: 1, periodMs: 1000 } });
    expect(rates({}, 'b')).toEqual(off);
  });

  test.each([
    ['not JSON', '{', /is not valid JSON$/],
    ['a name that is none', { plans: { 'a b': {} } }, /plans\.a b/],
    ['an unknown limit', { plans: { a: { wall: 1 } } }, /plans\.a: .*"wall"/],
    ['a limit that is fixed', { plans: { a: { workspace_bytes: '1m' } } }, /set DRAGOMAN_WORKSPACE_BYTES$/],
    ['a bad value', { plans: { a: { cpus: -1 } } }, /^DRAGOMAN_PLANS plan a: cpus must be a number above 0/],
    [
      'a broken rule',
      { plans: { a: { max_run_timeout_ms: 5 } } },
      /^DRAGOMAN_PLANS plan a: run_timeout_ms must not be/,
    ],
    ['no places', { plans: { a: { concurrency: 0 } } }, /plans\.a\.concurrency: must be a whole number from 1/],
    [
      'too much memory for a machine',
      { plans: { a: { isolation: 'microvm', memory_bytes: '3g' } } },
      /plan a: memory_bytes must not be more than 2 GiB/,
    ],
    ['an unknown plan', { plans: {}, keys: { app: 'constructor' } }, /there is no plan constructor$/],
    [
      'an unknown isolation',
      { plans: { a: { isolation: 'none' } } },
      /plan a: isolation must be one of namespaces, gvisor/,
    ],
    [
      'an unknown choice',
      { plans: { a: { isolation_choices: 'gvisor,x' } } },
      /plan a: isolation_choices must hold namesp/,
    ],
    [
      'an unknown isolation of a key',
      { plans: {}, keys: { app: { isolation: 'x' } } },
      /key app: isolation must be one/,
    ],
    ['an unknown key', { plans: {}, keys: { ann: 'default' } }, /no key named ann$/],
  ])('a file with %s is refused', (_, content, fault) => {
    expect(faultsOf(withFile(content, { DRAGOMAN_API_KEYS: 'app:s' }))).toEqual([expect.stringMatching(fault)]);
  });

  test('a file that is not there is refused', () => {
    expect(faultsOf({ DRAGOMAN_PLANS: join(directory, 'none') })).toEqual([expect.stringMatching(/\(ENOENT\)$/)]);
  });
});
