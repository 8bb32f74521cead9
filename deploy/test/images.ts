import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DockerEngine } from './engine.ts';
import { quoted, root, shell } from './shell.ts';

/** The name of the image that the tests build. */
export const image = 'dragoman-under-test';

/**
 * Builds the image of the service. Without a registry to pull from, a Debian made by mmdebstrap stands in for `debian:trixie-slim`, and the
 * same with npm for the image that has it. `DEPLOY_TEST_BASE` and `DEPLOY_TEST_NODE` name images to take instead.
 * @returns seconds it took
 */
export async function buildImage(engine: DockerEngine): Promise<number> {
  const base = process.env.DEPLOY_TEST_BASE ?? (await standInForDebian(engine));
  const node = process.env.DEPLOY_TEST_NODE ?? (await standInForNode(engine, base));
  const started = performance.now();
  await engine.shell(
    `docker build --network host --file deploy/Dockerfile --target service --build-arg BASE=${base} --build-arg NODE=${node} --tag ${image} .`,
    { deadlineMs: 900_000 },
  );
  return (performance.now() - started) / 1000;
}

async function standInForDebian(engine: DockerEngine): Promise<string> {
  const name = 'dragoman-test/debian:trixie-slim';
  if ((await engine.attempt(`docker image inspect ${name}`)).status === 0) return name;
  const exclude = quoted('path-exclude=/usr/share/{man,locale,doc}/*');
  await engine.shell(`mmdebstrap --quiet --variant=minbase --dpkgopt=${exclude} trixie - | docker import - ${name}`, {
    deadlineMs: 900_000,
  });
  return name;
}

async function standInForNode(engine: DockerEngine, base: string): Promise<string> {
  const name = 'dragoman-test/node:24-trixie-slim';
  const context = mkdtempSync(join(tmpdir(), 'dragoman-node-'));
  try {
    mkdirSync(join(context, 'bin'));
    const npm = await shell('dirname "$(dirname "$(readlink -f "$(command -v npm)")")"');
    await shell(`cp -a ${quoted(npm)} npm && cp -L ${root}/node_modules/.bin/node bin/node`, { cwd: context });
    // A proxy that looks into TLS has a certificate of its own.
    const authorities = process.env.NODE_EXTRA_CA_CERTS;
    writeFileSync(join(context, 'ca.pem'), authorities && existsSync(authorities) ? readFileSync(authorities) : '');
    writeFileSync(
      join(context, 'Dockerfile'),
      [
        `FROM ${base}`,
        'COPY bin/node /usr/local/bin/node',
        'COPY npm /usr/local/lib/node_modules/npm',
        'COPY ca.pem /usr/local/ca.pem',
        'RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm',
        'ENV NODE_EXTRA_CA_CERTS=/usr/local/ca.pem',
      ].join('\n'),
    );
    await engine.shell(`docker build --tag ${name} .`, { cwd: context });
    return name;
  } finally {
    rmSync(context, { recursive: true });
  }
}
