import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Config, describeConfig, loadConfig } from '../config/index.ts';
import { isSuperuser, type Tier, type TierState } from '../core/index.ts';
import { createProgress, installPackages, missingForTests } from '../host/index.ts';
import { machineFiles, nativeHelper, setup as setUp, setupGvisor } from '../images/index.ts';
import {
  type Image,
  type Service,
  startFilesRole,
  startGatewayRole,
  startService,
  startWorkerRole,
  tierOptions,
  tiersInUse,
} from '../roles/index.ts';
import { findIsolation, type MachineFiles } from '../sandbox/index.ts';
import { giveBackStartMemory } from './start-memory.ts';

/** Prints the settings in effect. */
export function printConfig(): void {
  process.stdout.write(describeConfig());
}

/** Sets up what is missing and starts the service; it ends with a signal. */
export async function serve(version: string): Promise<void> {
  // Ignore EPIPE on stdout and stderr: the service outlives the reader of its output.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const config = loadConfig();
  for (const note of config.notes) console.log(note);
  const { role } = config.cluster;
  // A gateway holds no sandboxes.
  const image = role === 'gateway' || role === 'files' ? undefined : await prepare(config);
  const started = performance.now();
  const seconds = () => ((performance.now() - started) / 1000).toFixed(1);
  if (role === 'files') {
    const { url } = await untilSignal(() => startFilesRole(config, version));
    console.log(`Dragoman ${version} keeps files at ${url} (ready in ${seconds()} s)`);
    return;
  }
  if (role === 'worker') {
    const worker = await untilSignal(() => startWorkerRole(config, image!, version));
    console.log(`Dragoman ${version} runs code as worker ${worker.id} (ready in ${seconds()} s)`);
    printTiers(config, worker.tiers);
    return;
  }
  const service = await untilSignal(() =>
    image ? startService(config, image, version) : startGatewayRole(config, version),
  );
  announce(config, service, version, seconds());
}

/** Installs OS packages and builds the sandbox image where they are missing; with `forTests` also what the tests need. */
export async function setup({ forTests }: { forTests: boolean }): Promise<void> {
  const { imageRoot } = await prepare(loadConfig());
  console.log(`The sandbox image is ready: ${imageRoot}`);
  const missing = forTests ? missingForTests() : [];
  if (missing.length === 0) return;
  try {
    await installPackages(missing, {
      superuser: isSuperuser(),
      interactive: process.stdin.isTTY === true,
      progress: createProgress({ stream: process.stdout }),
    });
  } catch (error) {
    // Only some tests need them, and they say what is missing.
    console.error((error as Error).message);
  }
}

async function prepare(config: Config): Promise<Image> {
  const { dataDir } = config.stores;
  const common = {
    progress: createProgress({ stream: process.stdout }),
    interactive: process.stdin.isTTY === true,
  };
  const { imageRoot, imageId } = await setUp({
    ...common,
    dataDir,
    image: config.isolation.image,
    definitionsDir: fileURLToPath(new URL('../../images', import.meta.url)),
    node: { binary: process.execPath, version: process.version },
  });
  const sourceDir = fileURLToPath(new URL('../../guest/native', import.meta.url));
  const places = [join(dataDir, 'images')];
  const nativeDir = await nativeHelper({ ...common, sourceDir, imageRoot, places });
  const [own, ...others] = tiersInUse(config);
  const faults = new Map<Tier, string>();
  let machine: MachineFiles | undefined;
  const setUpTier = async (tier: Tier) => {
    if (tier === 'gvisor') await setupGvisor({ ...common, ...tierOptions(config, tier) });
    if (tier === 'microvm') machine = await machineFiles({ ...common, dataDir, imageRoot, imageId });
  };
  await setUpTier(own);
  for (const tier of others) {
    try {
      await setUpTier(tier);
    } catch (error) {
      // Only those whose plan names it cannot be served.
      faults.set(tier, (error as Error).message);
    }
  }
  return { imageRoot, imageId, nativeDir, machine, faults };
}

function announce(
  config: Config,
  { url, firstKey, startCode, tiers }: Service,
  version: string,
  seconds: string,
): void {
  const keyFile = join(config.stores.dataDir, 'api-key');
  const { mode, keys } = config.authentication;
  console.log(`Dragoman ${version} serves at ${url} (ready in ${seconds} s)`);
  printTiers(config, tiers);
  let credential = '';
  if (mode === 'open') console.log('Access: open, on this machine only (DRAGOMAN_AUTH=open)');
  else if (mode === 'jwt') {
    console.log("Access: LibreChat's tokens (DRAGOMAN_AUTH=jwt)");
    credential = "-H 'authorization: Bearer <token>' ";
  } else if (keys.length > 0) {
    console.log('Access: the keys of DRAGOMAN_API_KEYS');
    credential = "-H 'x-api-key: <key>' ";
  } else {
    if (firstKey) console.log(`API key: ${firstKey.secret}`);
    if (firstKey || existsSync(keyFile)) console.log(`The API key is kept in ${keyFile}`);
    credential = `-H "x-api-key: $(cat ${keyFile})" `;
  }
  if (config.face.isOn)
    console.log(`Open it in a browser: ${url}/ui/${startCode === undefined ? '' : `#start-${startCode}`}`);
  console.log('Try it:');
  console.log(
    `  curl -s ${url}/v1/exec ${credential}-H 'content-type: application/json' -d '{"lang":"py","code":"print(6*7)"}'`,
  );
}

/** What sandboxes are behind: of everyone first, then what plans say. */
function printTiers({ isolation }: Config, tiers: readonly TierState[]): void {
  for (const { tier, fault } of tiers.toSorted(
    (a, b) => Number(b.tier === isolation.backend) - Number(a.tier === isolation.backend),
  )) {
    const isOwn = tier === isolation.backend;
    const what =
      fault === null ? findIsolation(tier).summary : `not there, so the keys of its plans are refused: ${fault}`;
    console.log(`${isOwn ? 'Isolation' : 'Isolation of some plans'}: ${tier} (${what})`);
  }
}

/** Starts the service. The first signal ends it in order, also during the start; another one a second later ends it at once. */
function untilSignal<T extends Closable>(start: () => Promise<T>): Promise<T> {
  let since = 0;
  const end = () => {
    if (since > 0 && performance.now() - since > 1000) process.exit(1);
    // Supervisors signal the whole group, and npm passes signals on: one request to end may arrive several times.
    if (since > 0) return;
    since = performance.now();
    starting.then(close, () => {});
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
  const starting = start();
  starting.then(giveBackStartMemory, () => {});
  return starting;
}

interface Closable {
  close(): Promise<void>;
}

async function close(service: Closable): Promise<void> {
  try {
    await service.close();
    process.exit(0);
  } catch (error) {
    console.error(error);
    process.exit(1);
  }
}
