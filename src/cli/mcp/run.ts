import { findService } from '../client/connection.ts';
import type { Environment } from '../client/profiles.ts';
import { Bridge } from './bridge.ts';
import { OwnService } from './own-service.ts';
import { ServiceLink } from './service-link.ts';

/** How long what is under way has to end when the host leaves. */
const goodbyeMs = 1000;

/** Bridges the standard streams to the service until the host leaves. @throws CommandError as `findService` */
export async function runBridge(
  options: { readonly url?: string; readonly profile?: string; readonly start: boolean },
  env: Environment,
  version: string,
): Promise<void> {
  const { stdin, stdout } = process;
  // The host may close its end at any time.
  stdout.on('error', () => {});
  const service = await findService(options, env);
  const isUsual = service.urlFrom === 'the usual address';
  const own = options.start && isUsual ? new OwnService(service.url, env) : undefined;
  const link = new ServiceLink({
    url: service.url,
    // The first start of a service makes its key.
    key: async () => (own ? (await findService(options, env)).apiKey : service.apiKey),
    ...(own ? { ready: () => own.ready() } : {}),
  });
  const bridge = new Bridge({ link, output: stdout, version, whereToLook: whereToLook(service.url, isUsual) });
  const left = Promise.withResolvers<void>();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, () => left.resolve());
  await Promise.race([bridge.read(stdin), left.promise]);
  await Promise.race([bridge.close(), new Promise((resolve) => setTimeout(resolve, goodbyeMs))]);
  own?.close();
  process.exit(0);
}

function whereToLook(url: string, isUsual: boolean): string {
  return isUsual
    ? `Dragoman does not run on this machine (${url}). Start it with "dragoman serve", or set DRAGOMAN_URL and DRAGOMAN_API_KEY.`
    : `Dragoman does not answer at ${url}. Is the address right, and does the service run there?`;
}
