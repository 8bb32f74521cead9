import { nkeys } from '@nats-io/transport-node';
import { tiers } from '../core/index.ts';
import { gatewaySubject, inboxOf, leaseKey, runAnswers, runPulls, workerSubjects } from './subjects.ts';

/** What a process may do on the NATS server: every subject that is not named is refused. */
interface Rights {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

/**
 * The rights of the worker in this seat: to pull and to end runs that wait, to write events, endings and a lease in its own name, to ask
 * gateways in its own name, and to hear what it is asked and answered. It runs code that is not trusted, so it reads nothing else:
 * no stream, no event, no question to another worker.
 */
function workerRights(seat: string): Rights {
  return {
    publish: [
      leaseKey(seat),
      gatewaySubject('*', seat),
      `dg.in.${seat}.*`,
      `dg.done.${seat}.*.*`,
      ...tiers.flatMap((tier) => [runPulls(tier), `${runAnswers(tier)}>`]),
    ],
    subscribe: [workerSubjects(seat), `${inboxOf(seat)}.>`],
  };
}

/** A new NKey: the server knows the public key alone. */
export function newIdentity(): { readonly publicKey: string; readonly seed: string } {
  const pair = nkeys.createUser();
  return { publicKey: pair.getPublicKey(), seed: new TextDecoder().decode(pair.getSeed()) };
}

/** The public key of a seed. @throws Error when it is none */
export function publicKeyOf(seed: string): string {
  return nkeys.fromSeed(new TextEncoder().encode(seed)).getPublicKey();
}

export interface ServerConfigurationOptions {
  /** `host:port` */
  readonly listen: string;
  /** Where the server keeps its streams. */
  readonly storeDir: string;
  /** Paths of the server's certificate and key, as PEM. Absent: it speaks without TLS. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** Public key that all gateways have. */
  readonly gateways: string;
  /** Public keys of workers, by seat. */
  readonly workers: ReadonlyMap<string, string>;
}

/** The configuration of a NATS server for one cluster. It holds no secret. */
export function serverConfiguration({ listen, storeDir, tls, gateways, workers }: ServerConfigurationOptions): string {
  const users = [
    `      # Gateways. They make the streams and read all of them.\n      { nkey: ${gateways} }`,
    ...[...workers].map(([seat, key]) => workerUser(seat, key)),
  ];
  return `# Made by "dragoman cluster nats-config": run it again to add workers. The server takes changes with "nats-server --signal reload".
listen: ${JSON.stringify(listen)}
max_payload: 1MB
max_pending: 64MB
jetstream {
  store_dir: ${JSON.stringify(storeDir)}
  # Waiting runs and events are small and short-lived; truth is in the database.
  sync_interval: 10s
}
${tls ? `tls {\n  cert_file: ${JSON.stringify(tls.cert)}\n  key_file: ${JSON.stringify(tls.key)}\n  min_version: "1.3"\n}\n` : ''}accounts {
  DRAGOMAN {
    jetstream: enabled
    users: [
${users.join('\n')}
    ]
  }
  SYS { }
}
system_account: SYS
`;
}

function workerUser(seat: string, key: string): string {
  const { publish, subscribe } = workerRights(seat);
  const list = (subjects: readonly string[]) => subjects.map((subject) => JSON.stringify(subject)).join(', ');
  return `      # Worker ${seat}.
      { nkey: ${key}, permissions: {
          publish: { allow: [${list(publish)}] }
          subscribe: { allow: [${list(subscribe)}] }
          # An answer for each question, and no more.
          allow_responses: { max: 1, expires: "1m" }
      } }`;
}
