import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { attempt, quoted, shell } from './shell.ts';

const chart = 'deploy/helm/dragoman';
const versions = ['1.33', '1.36', '1.37'];
const usual = '--set image.repository=r/dragoman --set sandbox.image=r/sandbox:1';
const variants: readonly (readonly [string, string])[] = [
  ['an image volume', usual],
  ['the sandbox image inside', '--set image.repository=r/dragoman --set sandbox.inside=true'],
  ['claims that exist', '--set image.repository=r/d --set sandbox.existingClaim=s --set persistence.existingClaim=d'],
  ['privileged', `${usual} --set cgroups=privileged`],
  ['no profile', `${usual} --set seccompProfile=`],
  [
    'everything',
    `${usual} --set secret.name=keys --set secret.keys.api_keys=api-keys --set settings.memory_bytes=2g --set ingress.enabled=true --set ingress.host=h.example --set ingress.tlsSecret=t --set networkPolicy.clientLabels.app=librechat --set-json networkPolicy.egress='[{"to":[{"ipBlock":{"cidr":"10.0.0.0/8"}}]}]' --set-json networkPolicy.from='[{"namespaceSelector":{}}]' --set podLabels.a=b --set podAnnotations.a=b --set nodeSelector.a=b --set service.annotations.a=b --set-json tolerations='[{"operator":"Exists"}]' --set imagePullSecrets[0].name=p`,
  ],
];

const render = (options: string, name = 'dragoman') => `helm template ${name} ${chart} --kube-version 1.36 ${options}`;

let directory: string;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'dragoman-chart-'));
  for (const [program, how] of [
    ['helm', 'go install helm.sh/helm/v3/cmd/helm@v3.22.0'],
    ['kubernetes-validate', 'pip install kubernetes-validate'],
  ] as const)
    if ((await attempt(`command -v ${program}`)).status !== 0)
      throw new Error(`${program} is not in PATH; one way to install it: ${how}`);
});
afterAll(() => rmSync(directory, { recursive: true }));

/** What the tests look at. */
interface Rendered {
  readonly metadata: { readonly name: string };
  readonly data: Readonly<Record<string, string>>;
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly { readonly securityContext: object }[] } };
  };
}

/** The objects of a rendering by their kind. */
async function objects(options: string, name?: string): Promise<Record<string, Rendered>> {
  const documents = parseAllDocuments(await shell(render(options, name))).map((document) => document.toJS());
  return Object.fromEntries(documents.filter(Boolean).map((object) => [object.kind, object]));
}

describe('the Helm chart', () => {
  test.each(variants)('with %s passes lint and the strict schemas of Kubernetes', async (_, options) => {
    await shell(`helm lint --strict --quiet ${chart} ${options}`);
    const file = join(directory, 'rendered.yaml');
    writeFileSync(file, await shell(render(options)));
    for (const version of versions)
      await shell(`kubernetes-validate --kubernetes-version ${version} --strict ${quoted(file)}`);
  });

  test.each([
    ['no image', '--set sandbox.inside=true', 'image'],
    ['no sandbox image', '--set image.repository=r/d', 'sandbox'],
    ['two sandbox images', `${usual} --set sandbox.inside=true`, 'sandbox'],
    ['a value that does not exist', `${usual} --set replicas=2`, 'replicas'],
    ['a secret among the settings', `${usual} --set settings.api_keys=a:b`, 'api_keys'],
    ['a word that is none', `${usual} --set cgroups=maybe`, 'cgroups'],
  ])('with %s is refused', async (_, options, named) => {
    const { status, output } = await attempt(render(options));
    expect(status).not.toBe(0);
    expect(output).toContain(named);
  });

  test('gives the pod what a container needs, and nothing more', async () => {
    const { spec } = (await objects(usual)).StatefulSet!.spec.template;
    expect(spec).toMatchObject({ enableServiceLinks: false, hostUsers: false, automountServiceAccountToken: false });
    expect(spec.containers[0]!.securityContext).toEqual({
      readOnlyRootFilesystem: true,
      privileged: false,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'], add: ['CHOWN', 'SETUID', 'SETGID'] },
      procMount: 'Unmasked',
      seccompProfile: { type: 'Localhost', localhostProfile: 'dragoman.json' },
      appArmorProfile: { type: 'Unconfined' },
    });
  });

  test('has no secret of its own, and passes yours as files', async () => {
    const all = await objects(variants.at(-1)![1]);
    expect(Object.keys(all)).not.toContain('Secret');
    expect(all.ConfigMap!.data['dragoman.yaml']).toContain('api_keys_file: /run/secrets/dragoman/api-keys');
    expect(all.ConfigMap!.data['dragoman.yaml']).toContain('memory_bytes: 2g');
  });

  test.each([
    ['dragoman', 'dragoman'],
    ['my-dragoman', 'my-dragoman'],
    ['code', 'code-dragoman'],
  ])('of a release %s names its objects %s', async (release, name) => {
    expect((await objects(usual, release)).Service!.metadata.name).toBe(name);
  });
});
