import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeConfig } from './config.ts';
import { faultsOf, load } from './fixtures/usual.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'dragoman-config-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Writes a file and returns its path. */
function file(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

const surroundings = (env: Record<string, string>) => ({
  env,
  isRoot: false,
  home: '/home/someone',
  isTerminal: false,
});

const yaml = `
port: 9000            # a comment
max_upload_bytes: 10m
jwt_require_tenant: true
api_keys: [app:s1, other:s2]
upstreams:
  local: { provider: openai-compatible, base_url: 'http://localhost:1/v1' }
plans:
  plans: { small: { cpus: 0.5 } }
  keys: { app: small }
log_level:
`;
const toml = `
port = 9000
max_upload_bytes = "10m"
jwt_require_tenant = true
api_keys = ["app:s1", "other:s2"]
[upstreams.local]
provider = "openai-compatible"
base_url = "http://localhost:1/v1"
[plans.plans.small]
cpus = 0.5
[plans.keys]
app = "small"
`;

describe('the configuration file', () => {
  test.each([
    ['settings.yaml', yaml],
    ['settings.toml', toml],
  ])('%s holds settings, lists and maps', (name, content) => {
    const config = load({ DRAGOMAN_CONFIG: file(name, content) });
    expect(config.http).toMatchObject({ port: 9000, maxUploadBytes: 10_485_760 });
    expect(config.authentication.jwt.requireTenant).toBe(true);
    expect(config.authentication.keys).toEqual([
      { name: 'app', secret: 's1', plan: 'small' },
      { name: 'other', secret: 's2', plan: undefined },
    ]);
    expect(config.upstreams.providers).toMatchObject([{ name: 'local', baseUrl: 'http://localhost:1/v1' }]);
    expect(config.plans.get('small')!.limits.cpus).toBe(0.5);
    expect(config.telemetry.level).toBe('info');
  });

  test('is overruled by the environment', () => {
    const path = file('overruled.yaml', 'port: 9000\nqueue: 3\n');
    const config = load({ DRAGOMAN_CONFIG: path, DRAGOMAN_PORT: '9001' });
    expect([config.http.port, config.plans.get('default')!.waiting]).toEqual([9001, 3]);
  });

  test.each([
    ['a.yaml', 'prot: 1', /^prot in .*a\.yaml is not a setting; did you mean port\?$/],
    ['b.yaml', 'port: 1x', /^DRAGOMAN_PORT must be .* \(port in .*b\.yaml\)$/],
    ['c.yaml', 'port: [[1]]', /^port in .*c\.yaml must be a text, a number/],
    ['d.yaml', 'port: 1\nkey: "topsecret', /d\.yaml, which is not valid YAML \(line \d\)$/],
    ['e.toml', 'port = topsecret', /e\.toml, which is not valid TOML \(line 1\)$/],
    ['f.yaml', '- 1', /must hold settings by name$/],
    ['g.ini', 'port=1', /must end in \.yaml/],
    ['h.yaml', 'config: other.yaml', /^config in .*h\.yaml is not a setting/],
  ])('%s with %j is refused', (name, content, fault) => {
    const faults = faultsOf({ DRAGOMAN_CONFIG: file(name, content) });
    expect(faults).toEqual([expect.stringMatching(fault)]);
    expect(faults.join()).not.toContain('topsecret');
  });

  test('that is missing is refused', () => {
    expect(faultsOf({ DRAGOMAN_CONFIG: join(directory, 'none.yaml') })).toEqual([expect.stringMatching(/\(ENOENT\)$/)]);
  });
});

describe('a secret', () => {
  test('may be the content of a file', () => {
    const path = file('keys', 'app:s1\n');
    expect(load({ DRAGOMAN_API_KEYS_FILE: path }).authentication.keys).toMatchObject([{ name: 'app', secret: 's1' }]);
    const config = file('secret.yaml', `api_keys_file: ${path}`);
    expect(load({ DRAGOMAN_CONFIG: config }).authentication.keys).toMatchObject([{ name: 'app', secret: 's1' }]);
  });

  test('in two places, or in a file that is missing, is refused', () => {
    const path = file('twice', 'app:s1');
    expect(faultsOf({ DRAGOMAN_API_KEYS_FILE: path, DRAGOMAN_API_KEYS: 'a:b' })).toEqual([
      'DRAGOMAN_API_KEYS_FILE and DRAGOMAN_API_KEYS are both set; use one',
    ]);
    expect(faultsOf({ DRAGOMAN_API_KEYS_FILE: '/none/keys' })[0]).toMatch(/which cannot be read \(ENOENT\)$/);
    expect(faultsOf({ DRAGOMAN_PORT_FILE: path })[0]).toMatch(/^DRAGOMAN_PORT_FILE is not a setting/);
  });

  test('of the client commands is passed over', () => {
    const client = { DRAGOMAN_URL: 'http://127.0.0.1:1', DRAGOMAN_API_KEY: 'topsecret', DRAGOMAN_PROFILE: 'work' };
    expect(load({ ...client, DRAGOMAN_PORT: '9001' }).http.port).toBe(9001);
  });
});

describe('the printed configuration', () => {
  const env = {
    DRAGOMAN_PORT: '9001',
    DRAGOMAN_API_KEYS: 'app:topsecret',
    DRAGOMAN_JWT_KEYS: 'https://ann:topsecret@example.com/jwks',
  };

  test('names sources and shows no secret', () => {
    const text = describeConfig(surroundings({ ...env, DRAGOMAN_CONFIG: file('printed.yaml', 'queue: 3') }));
    expect(text).toContain('port: 9001 # environment\n');
    expect(text).toMatch(/^queue: 3 # .*printed\.yaml$/m);
    expect(text).toContain('host: 127.0.0.1 # default\n');
    expect(text).toContain('# api_keys is a secret and not shown (environment)\n');
    expect(text).toContain('jwt_keys: https://***@example.com/jwks # environment\n');
    expect(text).not.toContain('topsecret');
  });

  test('is a configuration file with the same meaning', () => {
    const path = file('again.yaml', describeConfig(surroundings({ DRAGOMAN_QUEUE: '5', DRAGOMAN_CPUS: '0.5' })));
    expect(load({ DRAGOMAN_CONFIG: path })).toEqual(load({ DRAGOMAN_QUEUE: '5', DRAGOMAN_CPUS: '0.5' }));
  });
});

describe("Kubernetes' service links", () => {
  const links = {
    KUBERNETES_SERVICE_HOST: '10.0.0.1',
    DRAGOMAN_SERVICE_HOST: '10.0.0.2',
    DRAGOMAN_SERVICE_PORT: '8080',
    DRAGOMAN_SERVICE_PORT_HTTP: '8080',
    DRAGOMAN_PORT: 'tcp://10.0.0.2:8080',
    DRAGOMAN_PORT_8080_TCP: 'tcp://10.0.0.2:8080',
    DRAGOMAN_PORT_8080_TCP_PROTO: 'tcp',
    DRAGOMAN_PORT_8080_TCP_PORT: '8080',
    DRAGOMAN_PORT_8080_TCP_ADDR: '10.0.0.2',
    DRAGOMAN_GATEWAY_SERVICE_HOST: '10.0.0.3',
    DRAGOMAN_GATEWAY_PORT: 'tcp://10.0.0.3:8080',
    DRAGOMAN_GATEWAY_PORT_8080_TCP_ADDR: '10.0.0.3',
  };

  test('of releases named dragoman and dragoman-gateway are ignored, and named in a note', () => {
    const config = load(links);
    expect(config.http.port).toBe(8080);
    expect(config.notes).toHaveLength(1);
    expect(config.notes[0]).toContain('DRAGOMAN_GATEWAY_PORT_8080_TCP_ADDR');
  });

  test('do not hide a setting with a value of its own', () => {
    expect(load({ ...links, DRAGOMAN_PORT: '9001' }).http.port).toBe(9001);
    expect(faultsOf({ ...links, DRAGOMAN_PROT: '1' })).toEqual([
      'DRAGOMAN_PROT is not a setting; did you mean DRAGOMAN_PORT?',
    ]);
  });

  test('are faults outside Kubernetes', () => {
    expect(faultsOf({ DRAGOMAN_PORT: links.DRAGOMAN_PORT })).toHaveLength(1);
    expect(faultsOf({ DRAGOMAN_SERVICE_HOST: links.DRAGOMAN_SERVICE_HOST })).toHaveLength(1);
  });
});
