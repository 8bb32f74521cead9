import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { addKeyCommands, adviceFor, doctor, presentImageRoot } from './cli/index.ts';
import { type Config, ConfigError, describeConfig, loadConfig } from './config/index.ts';
import { DragomanError } from './core/index.ts';
import { createProgress, SetupError } from './host/index.ts';
import { setup } from './images/index.ts';
import { makeTrialSandbox, openRecords, type Service, startService } from './roles/index.ts';
import { findIsolation } from './sandbox/index.ts';
import { ApiKeys } from './service/index.ts';

// Placing a sandbox in its control group blocks a thread of libuv's pool for some milliseconds. With the default of four they queue up.
process.env.UV_THREADPOOL_SIZE ??= '16';

// Ignore EPIPE on stdout and stderr: the service outlives the reader of its output.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
const program = new Command('dragoman').description('a self-hosted code interpreter').version(version);

program
  .command('serve', { isDefault: true })
  .description('set up what is missing, then start the service')
  .option('--print-config', 'print the settings in effect as YAML, without secrets, and end')
  .action(async ({ printConfig }: { printConfig?: true }) => {
    if (printConfig) {
      process.stdout.write(describeConfig());
      return;
    }
    const config = loadConfig();
    for (const note of config.notes) print(note);
    // An unknown name is refused now, not after an image has been built.
    findIsolation(config.isolation.backend);
    const image = await prepare(config);
    const started = performance.now();
    const service = await untilSignal(() => startService(config, image, version));
    announce(config, service, performance.now() - started);
  });

program
  .command('setup')
  .description('install OS packages and build the sandbox image where they are missing')
  .action(async () => {
    const { imageRoot } = await prepare(loadConfig());
    print(`The sandbox image is ready: ${imageRoot}`);
  });

program
  .command('doctor')
  .description('report what this host offers for isolation, and what is missing')
  .option('--json', 'as JSON')
  .action(async ({ json }: { json?: true }) => {
    const config = loadConfig();
    const imageRoot = presentImageRoot(config.isolation.image, config.stores.dataDir);
    const makeSandbox = () => makeTrialSandbox(config, imageRoot!);
    const usable = await doctor(config, { json: json === true, print, imageRoot, makeSandbox });
    process.exitCode = usable ? 0 : 1;
  });

addKeyCommands(program, {
  print,
  async withKeys(use) {
    const config = loadConfig();
    const records = openRecords(config);
    await records.start();
    try {
      await use(new ApiKeys(records.keys, config.plans));
    } finally {
      await records.close();
    }
  },
});

try {
  await program.parseAsync();
} catch (error) {
  // A fault that an operator can mend is one sentence; any other keeps its stack.
  const expected = error instanceof ConfigError || error instanceof SetupError || error instanceof DragomanError;
  console.error(expected || !(error as Error).stack ? `dragoman: ${(error as Error).message}` : error);
  const advice = error instanceof DragomanError && error.code === 'sandbox_unavailable' && adviceFor(error.message);
  if (advice) console.error(`${advice}\n"doctor" checks the host in detail.`);
  process.exit(1);
}

function prepare(config: Config) {
  return setup({
    dataDir: config.stores.dataDir,
    image: config.isolation.image,
    definitionsDir: fileURLToPath(new URL('../images', import.meta.url)),
    node: { binary: process.execPath, version: process.version },
    progress: createProgress({ stream: process.stdout }),
    interactive: process.stdin.isTTY === true,
  });
}

function announce(config: Config, { url, firstKey }: Service, ms: number): void {
  const keyFile = join(config.stores.dataDir, 'api-key');
  const { mode, keys } = config.authentication;
  print(`Dragoman ${version} serves at ${url} (ready in ${(ms / 1000).toFixed(1)} s)`);
  let credential = '';
  if (mode === 'open') print('Access: open, on this machine only (DRAGOMAN_AUTH=open)');
  else if (mode === 'jwt') {
    print("Access: LibreChat's tokens (DRAGOMAN_AUTH=jwt)");
    credential = "-H 'authorization: Bearer <token>' ";
  } else if (keys.length > 0) {
    print('Access: the keys of DRAGOMAN_API_KEYS');
    credential = "-H 'x-api-key: <key>' ";
  } else {
    if (firstKey) print(`API key: ${firstKey.secret}`);
    if (firstKey || existsSync(keyFile)) print(`The API key is kept in ${keyFile}`);
    credential = `-H "x-api-key: $(cat ${keyFile})" `;
  }
  print('Try it:');
  print(
    `  curl -s ${url}/v1/exec ${credential}-H 'content-type: application/json' -d '{"lang":"py","code":"print(6*7)"}'`,
  );
}

/** Starts the service. The first signal ends it in order, also during the start; another one a second later ends it at once. */
function untilSignal(start: () => Promise<Service>): Promise<Service> {
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
  return starting;
}

async function close(service: Service): Promise<void> {
  try {
    await service.close();
    process.exit(0);
  } catch (error) {
    console.error(error);
    process.exit(1);
  }
}

function print(line: string): void {
  console.log(line);
}
