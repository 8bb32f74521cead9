import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { type NatsServer, startNats } from './nats.ts';

/** A certificate for loopback and its key, by an authority of its own. */
export interface Certificate {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  remove(): void;
}

export function makeCertificate(): Certificate {
  const folder = mkdtempSync(join(tmpdir(), 'dragoman-nats-tls-'));
  const at = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  const subject = ['-subj', '/CN=test', '-days', '2', '-nodes', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
  openssl('req', '-x509', ...subject, '-keyout', 'ca.key', '-out', 'ca.pem');
  openssl(
    ...['req', '-x509', '-CA', 'ca.pem', '-CAkey', 'ca.key', ...subject, '-keyout', 'server.key', '-out', 'server.pem'],
    ...['-addext', 'subjectAltName=IP:127.0.0.1', '-addext', 'basicConstraints=critical,CA:FALSE'],
  );
  return {
    ...{ ca: at('ca.pem'), cert: at('server.pem'), key: at('server.key') },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Several servers that are one: what they keep is on all of them. */
export interface NatsCluster {
  readonly servers: readonly NatsServer[];
  /** Of all of them. */
  readonly url: string;
  close(): Promise<void>;
}

/** @param configuration as of `startNats`, the same for each */
export async function startNatsCluster(configuration: string, count: number, isTls: boolean): Promise<NatsCluster> {
  if (count === 1 && !isTls) {
    const server = await startNats(configuration);
    return { servers: [server], url: server.url, close: () => server.close() };
  }
  const ports = await Promise.all(Array.from({ length: count }, () => freePort()));
  const routes = ports.map((port) => `nats://127.0.0.1:${port}`);
  const servers = await Promise.all(
    routes.map((own, index) =>
      startNats(configuration, [
        ...['--name', `n${index + 1}`, '--cluster_name', 'dragoman', '--cluster', own],
        ...['--routes', routes.filter((route) => route !== own).join(',')],
      ]),
    ),
  );
  const scheme = isTls ? 'tls' : 'nats';
  return {
    servers,
    url: servers.map(({ port }) => `${scheme}://127.0.0.1:${port}`).join(','),
    close: async () => void (await Promise.all(servers.map((server) => server.close()))),
  };
}
