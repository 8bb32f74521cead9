import { describe, expect, test } from 'vitest';
import { allSettings } from './config.ts';
import { faultsOf, limits, load, usual } from './fixtures/usual.ts';

describe('defaults', () => {
  test('an empty environment is a full configuration', () => {
    expect(load()).toEqual({
      face: { isOn: true, shares: false, signInHours: 720 },
      previews: {
        maxBytes: 4_194_304,
        maxFileBytes: 104_857_600,
        wallMs: 20_000,
        memoryBytes: 536_870_912,
        cacheBytes: 67_108_864,
      },
      http: {
        host: '127.0.0.1',
        port: 8080,
        maxBodyBytes: 33_554_432,
        bodyTimeoutMs: 30_000,
        maxUploadBytes: 157_286_400,
        maxUploadFiles: 200,
        uploadTimeoutMs: 120_000,
      },
      authentication: {
        mode: 'keys',
        keys: [],
        jwt: {
          issuer: 'librechat',
          audience: 'codeapi',
          keys: undefined,
          algorithms: ['EdDSA', 'RS256'],
          requireTenant: false,
        },
      },
      isolation: {
        backend: 'namespaces',
        choices: undefined,
        least: 'namespaces',
        runsc: undefined,
        image: 'auto',
        sandboxUid: 2_000_000_000,
        diskReadBytes: 209_715_200,
      },
      engine: {
        limits,
        concurrency: 0,
        queueWaitMs: 60_000,
        pool: 0,
        compileCacheBytes: 1024 ** 3,
      },
      upstreams: {
        providers: [],
        defaultModel: undefined,
        passthrough: false,
        firstTokenMs: 120_000,
        stallMs: 60_000,
        totalMs: 600_000,
        retries: 2,
      },
      agent: { maxCalls: 32, shownChars: 20_000 },
      plans: new Map([['default', usual]]),
      stores: {
        dataDir: '/home/someone/.local/share/dragoman',
        databaseUrl: undefined,
        filesPlace: undefined,
        filesSecret: undefined,
        retentionMs: 86_400_000,
        recordBytes: 4_294_967_296,
      },
      sandboxes: { sandboxDomain: undefined },
      sessions: {
        execKeepsVariables: false,
        idleMs: 1_200_000,
        maxIdleMs: 86_400_000,
        maxLifeMs: 604_800_000,
        maxLive: 500,
        reserveBytes: 512 * 1024 * 1024,
        stateBytes: 536_870_912,
        stateAfterMs: 30_000,
        stateSaveMs: 10_000,
        stateRestoreMs: 30_000,
        checkpointBytes: 1_073_741_824,
        checkpointSaveMs: 60_000,
        toolWaitMs: 600_000,
        maxToolExecutions: 200,
        maxCommands: 256,
        maxCommandMs: 86_400_000,
      },
      mcp: { publicUrl: undefined, origins: undefined, links: true },
      cluster: {
        role: 'all',
        natsUrl: undefined,
        natsSeed: undefined,
        natsCa: undefined,
        workerName: undefined,
        fileCacheBytes: 10_737_418_240,
        drainMs: 60_000,
      },
      webhooks: { url: undefined, secret: undefined, allowsPrivate: false },
      telemetry: {
        level: 'info',
        format: 'json',
        metricsListen: undefined,
        tracesUrl: undefined,
        tracesHeaders: undefined,
        tracesShare: 1,
      },
      notes: [],
    });
  });

  test('webhooks need an address and a key of the form of Standard Webhooks', () => {
    const url = 'https://hooks.example.com/dragoman';
    const secret = `whsec_${Buffer.alloc(24).toString('base64')}`;
    const set = load({ DRAGOMAN_WEBHOOK_URL: url, DRAGOMAN_WEBHOOK_SECRET: secret });
    expect(set.webhooks).toEqual({ url, secret, allowsPrivate: false });
    for (const bad of ['whsec_', 'whsec_c2hvcnQ=', secret.slice(6), `whsec_${Buffer.alloc(65).toString('base64')}`])
      expect(() => load({ DRAGOMAN_WEBHOOK_URL: url, DRAGOMAN_WEBHOOK_SECRET: bad })).toThrow(/whsec_ and 24 to 64/);
    expect(() => load({ DRAGOMAN_WEBHOOK_URL: url })).toThrow(/must be set together/);
  });

  test('the data directory follows the user and XDG_DATA_HOME', () => {
    expect(load({}, { isRoot: true }).stores.dataDir).toBe('/var/lib/dragoman');
    expect(load({ XDG_DATA_HOME: '/data' }).stores.dataDir).toBe('/data/dragoman');
    expect(load({ DRAGOMAN_DATA_DIR: '/srv/d' }, { isRoot: true }).stores.dataDir).toBe('/srv/d');
  });

  test('a terminal gets the pretty log unless told otherwise', () => {
    expect(load({}, { isTerminal: true }).telemetry.format).toBe('pretty');
    expect(load({ DRAGOMAN_LOG_FORMAT: 'json' }, { isTerminal: true }).telemetry.format).toBe('json');
  });

  test('an empty variable counts as unset', () => {
    expect(load({ DRAGOMAN_PORT: '', DRAGOMAN_API_KEYS: '' }).http.port).toBe(8080);
  });

  test('the result is frozen through and through', () => {
    const config = load();
    expect(() => Object.assign(config.engine.limits, { wallMs: 1 })).toThrow(TypeError);
    expect(() => Object.assign(config.plans.get('default')!.rates.exec!, { count: 1 })).toThrow(TypeError);
  });
});

describe('values', () => {
  test.each([
    ['1048576', 1_048_576],
    ['512m', 536_870_912],
    ['512M', 536_870_912],
    ['1g', 1_073_741_824],
    ['1GiB', 1_073_741_824],
    ['1.5 GB', 1_610_612_736],
  ])('size %s', (given, bytes) => {
    expect(load({ DRAGOMAN_MAX_UPLOAD_BYTES: given }).http.maxUploadBytes).toBe(bytes);
  });

  test('origins of web pages', () => {
    const { origins } = load({ DRAGOMAN_ALLOWED_ORIGINS: 'https://chat.example.org, http://10.0.0.1:3000/' }).mcp;
    expect(origins).toEqual(['https://chat.example.org', 'http://10.0.0.1:3000']);
    for (const wrong of ['*', 'chat.example.org', 'https://a.example/path', 'ftp://a.example'])
      expect(() => load({ DRAGOMAN_ALLOWED_ORIGINS: wrong })).toThrow('https://chat.example.org');
  });

  test('API keys with and without a name, several under one name', () => {
    expect(load({ DRAGOMAN_API_KEYS: 'app:old, app:new,plain,colons:a:b' }).authentication.keys).toEqual([
      { name: 'app', secret: 'old' },
      { name: 'app', secret: 'new' },
      { name: undefined, secret: 'plain' },
      { name: 'colons', secret: 'a:b' },
    ]);
  });

  test('rate limits left out keep their default, one class or all can be lifted', () => {
    const some = load({ DRAGOMAN_RATE_LIMITS: 'exec=2/500ms,list=off' }).plans.get('default')!.rates;
    expect(some.exec).toEqual({ count: 2, periodMs: 500 });
    expect(some.list).toBeNull();
    expect(some.upload).toEqual({ count: 300, periodMs: 300_000 });
    expect(load({ DRAGOMAN_RATE_LIMITS: 'off' }).plans.get('default')!.rates).toEqual({
      exec: null,
      upload: null,
      download: null,
      list: null,
    });
  });

  test('token keys are a path or a trustworthy URL', () => {
    const keys = (value: string) => load({ DRAGOMAN_JWT_KEYS: value }).authentication.jwt.keys;
    expect(keys('/etc/keys')).toEqual({ path: '/etc/keys' });
    expect(keys('https://example.com/jwks')).toEqual({ url: new URL('https://example.com/jwks') });
    expect(keys('http://127.0.0.1:9/jwks')).toEqual({ url: new URL('http://127.0.0.1:9/jwks') });
  });
});

describe('faults', () => {
  test.each([
    ['DRAGOMAN_PORT', '65536', 'whole number from 0 to 65535'],
    ['DRAGOMAN_PORT', '80a', 'whole number'],
    ['DRAGOMAN_PORT', '-1', 'whole number'],
    ['DRAGOMAN_CPUS', '0', 'number above 0'],
    ['DRAGOMAN_MEMORY_BYTES', '1x', 'size such as'],
    ['DRAGOMAN_MEMORY_BYTES', '1k', 'must be from'],
    ['DRAGOMAN_AUTH', 'none', 'one of keys, jwt, keys+jwt, open'],
    ['DRAGOMAN_JWT_REQUIRE_TENANT', 'maybe', 'true or false'],
    ['DRAGOMAN_JWT_ALGORITHMS', 'none', 'EdDSA, RS256, HS256'],
    ['DRAGOMAN_JWT_ALGORITHMS', ',', 'must not be empty'],
    ['DRAGOMAN_JWT_KEYS', 'http://example.com/jwks', 'https'],
    ['DRAGOMAN_JWT_KEYS', 'ftp://localhost/jwks', 'https'],
    ['DRAGOMAN_RATE_LIMITS', 'exec=0/1s', 'exec=600/30s'],
    ['DRAGOMAN_RATE_LIMITS', 'run=1/1s', 'exec, upload, download, list'],
    ['DRAGOMAN_API_KEYS', ',', 'must hold a key'],
    ['DRAGOMAN_ADMIN_KEYS', 'ops', 'DRAGOMAN_API_KEYS has no key of that name'],
    ['DRAGOMAN_LOG_LEVEL', 'loud', 'debug, info'],
    ['DRAGOMAN_IMAGE', ' ', 'must not be empty'],
  ])('%s=%s', (name, value, expected) => {
    const faults = faultsOf({ [name]: value });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(name);
    expect(faults[0]).toContain(expected);
  });

  test('an unknown variable is refused with the nearest known name', () => {
    expect(faultsOf({ DRAGOMAN_PROT: '1' })).toEqual(['DRAGOMAN_PROT is not a setting; did you mean DRAGOMAN_PORT?']);
    expect(faultsOf({ OTHER_PORT: '1' })).toEqual([]);
  });

  test('the keys that DRAGOMAN_ADMIN_KEYS names have the right admin, and no other', () => {
    const { keys } = load({ DRAGOMAN_API_KEYS: 'app:s1,ops:s2,s3', DRAGOMAN_ADMIN_KEYS: 'ops' }).authentication;
    expect(keys.map(({ isAdmin }) => isAdmin)).toEqual([undefined, true, undefined]);
    expect(load({ DRAGOMAN_API_KEYS: 'app:s1,s3' }).authentication.keys.some(({ isAdmin }) => isAdmin)).toBe(false);
  });

  test('a fault in the API keys does not repeat them', () => {
    const faults = faultsOf({ DRAGOMAN_API_KEYS: 'good:hunter2hunter2,bad name:topsecret,x:hunter2hunter2,y:' });
    expect(faults).toHaveLength(3);
    expect(faults.join()).toContain('entry 2');
    expect(faults.join()).not.toMatch(/hunter2|topsecret/);
  });

  test('open access is refused on a host others can reach', () => {
    for (const host of ['0.0.0.0', '::', 'example.com'])
      expect(faultsOf({ DRAGOMAN_AUTH: 'open', DRAGOMAN_HOST: host })[0]).toContain('lets anyone who reaches');
    expect(faultsOf({ DRAGOMAN_AUTH: 'open', DRAGOMAN_HOST: 'localhost' })).toEqual([]);
  });

  test('tokens need keys to verify them', () => {
    expect(faultsOf({ DRAGOMAN_AUTH: 'keys+jwt' })[0]).toContain('DRAGOMAN_JWT_KEYS must be set');
  });

  test('memory must hold the workspace and the temporary directories', () => {
    expect(faultsOf({ DRAGOMAN_MEMORY_BYTES: '448m' })[0]).toContain('192 MiB');
    expect(faultsOf({ DRAGOMAN_MEMORY_BYTES: '449m' })).toEqual([]);
  });

  test('limits that contradict each other', () => {
    expect(faultsOf({ DRAGOMAN_MAX_RUN_TIMEOUT_MS: '1000' })[0]).toContain('DRAGOMAN_RUN_TIMEOUT_MS');
    expect(faultsOf({ DRAGOMAN_FLOOD_BYTES: '1k' })[0]).toContain('DRAGOMAN_OUTPUT_BYTES');
  });

  test('all faults are reported at once, broken rules beside broken values', () => {
    const faults = faultsOf({
      DRAGOMAN_PORT: 'x',
      DRAGOMAN_CPU: '1',
      DRAGOMAN_AUTH: 'open',
      DRAGOMAN_HOST: '0.0.0.0',
      DRAGOMAN_MEMORY_BYTES: '64m',
    });
    expect(faults).toHaveLength(4);
    expect(() => load({ DRAGOMAN_PORT: 'x', DRAGOMAN_CPUS: 'x' })).toThrow(
      /2 faults:\n {2}DRAGOMAN_CPUS .*\n {2}DRAGOMAN_PORT/,
    );
  });
});

test('every setting explains itself in one sentence', () => {
  for (const { name, help, type } of allSettings) {
    expect(name).toMatch(/^DRAGOMAN_[A-Z_]+$/);
    expect(help).toMatch(/^[A-Z].*\.$/);
    expect(type).not.toBe('');
  }
  expect(new Set(allSettings.map(({ name }) => name)).size).toBe(allSettings.length);
});

test('the place of files fits the role', () => {
  const nats = { DRAGOMAN_NATS_URL: 'nats://127.0.0.1:4222' };
  const gateway = { ...nats, DRAGOMAN_ROLE: 'gateway', DRAGOMAN_DATABASE_URL: 'postgres://db/records' };
  const server = { DRAGOMAN_FILES_URL: 'http://files:8090' };
  const secret = { DRAGOMAN_FILES_SECRET: 'x'.repeat(32) };
  expect(load({ ...gateway, ...server, ...secret }).stores.filesPlace).toEqual({ url: 'http://files:8090' });
  expect(faultsOf({ ...gateway, ...server })[0]).toContain('DRAGOMAN_FILES_SECRET must be set');
  expect(faultsOf(gateway)[0]).toContain('DRAGOMAN_FILES_URL must be set');
  expect(faultsOf({ DRAGOMAN_ROLE: 'files' })[0]).toContain('DRAGOMAN_FILES_SECRET must be set');
  expect(load({ DRAGOMAN_ROLE: 'files', ...secret }).cluster.role).toBe('files');
  expect(faultsOf({ DRAGOMAN_ROLE: 'files', ...secret, ...server })[0]).toContain('must not be set');
  expect(faultsOf({ ...nats, DRAGOMAN_ROLE: 'worker', ...secret })[0]).toContain(
    'DRAGOMAN_FILES_SECRET must not be set',
  );
});

describe('addresses of a database and of a bucket', () => {
  test('are read', () => {
    const { databaseUrl, filesPlace } = load({
      DRAGOMAN_DATABASE_URL: 'postgres://ann:secret@db.example/records',
      DRAGOMAN_FILES_URL: 's3://bucket/a/b/?region=eu-central-1&endpoint=https://s3.example',
    }).stores;
    expect(databaseUrl).toBe('postgres://ann:secret@db.example/records');
    const endpoint = 'https://s3.example';
    expect(filesPlace).toEqual({
      bucket: 'bucket',
      prefix: 'a/b/',
      region: 'eu-central-1',
      endpoint,
      pathStyle: true,
    });
    expect(load({ DRAGOMAN_FILES_URL: 's3://bucket' }).stores.filesPlace).toMatchObject({
      prefix: '',
      region: 'us-east-1',
      pathStyle: false,
    });
  });

  test.each([
    ['DRAGOMAN_DATABASE_URL', 'mysql://ann:secret@db/x', 'must look like postgres://'],
    ['DRAGOMAN_DATABASE_URL', 'secret', 'must look like postgres://'],
    ['DRAGOMAN_FILES_URL', 'https://bucket/x', 'must be http://host:port without a path'],
    ['DRAGOMAN_FILES_URL', 'ftp://bucket', 'must look like s3://'],
    ['DRAGOMAN_FILES_URL', 'http://ann:secret@files:1', 'must not hold credentials'],
    ['DRAGOMAN_FILES_SECRET', 'short', 'must have at least 32 characters'],
    ['DRAGOMAN_FILES_URL', 's3://ann:secret@bucket', 'must not hold credentials'],
    ['DRAGOMAN_FILES_URL', 's3://bucket?end-point=x', 'must not have "end-point"'],
    ['DRAGOMAN_FILES_URL', 's3://bucket?endpoint=ftp://x', 'must have a URL with http or https'],
    ['DRAGOMAN_FILES_URL', 's3://bucket?path-style=1', 'must have true or false'],
  ])('%s=%s is refused, and a secret is not repeated', (name, value, said) => {
    const faults = () => load({ [name]: value });
    expect(faults).toThrow(`${name} ${said}`);
    expect(faults).not.toThrow('secret');
  });
});
