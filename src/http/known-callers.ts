import type { FastifyRequest } from 'fastify';
import { DragomanError, isLoopbackHost } from '../core/index.ts';
import type { Authenticator } from './authentication/authenticator.ts';
import type { Presented } from './authentication/credential.ts';
import { RateLimiter } from './rate-limiter.ts';

/** Requests in a period, in milliseconds. */
export interface Rate {
  readonly count: number;
  readonly periodMs: number;
}

export const usualOpenRate: Rate = { count: 1200, periodMs: 60_000 };

export interface KnownCallersOptions {
  readonly authenticator: Pick<Authenticator, 'authenticateKey'>;
  readonly clock: () => number;
  /** How many gateways share the rates; absent: this one alone. */
  readonly gateways?: (() => number) | undefined;
  /** Of requests without a credential from one address; null for no limit. */
  readonly rate: Rate | null;
}

/** Decides who may use the routes that are not a dialect's: by rate and address, by host name, or by an API key. */
export class KnownCallers {
  readonly #options: KnownCallersOptions;
  readonly #limiter: RateLimiter;
  #isLocal = false;

  constructor(options: KnownCallersOptions) {
    this.#options = options;
    this.#limiter = new RateLimiter(options.clock, options.gateways);
  }

  listensOn(host: string): void {
    this.#isLocal = isLoopbackHost(host);
  }

  /** Counts a request that needs no credential. @throws DragomanError rate_limited */
  readonly limit = async (request: FastifyRequest): Promise<void> => {
    const { rate } = this.#options;
    const wait = this.#limiter.take(networkOf(request.ip), { ...noRates, list: rate }, 'list');
    if (wait === 0) return;
    const message = `Too many requests without a credential from this address; try again in ${wait} s.`;
    throw new DragomanError('rate_limited', { message, retryAfterSeconds: wait });
  };

  /**
   * For pages that need no credential. On a loopback address the host that was asked for must be this machine's, or a key must
   * come along: a web page whose own host name resolves to a loopback address gets nothing.
   * @throws DragomanError rate_limited, unauthorized, ambiguous_credentials
   */
  readonly admitOpen = async (request: FastifyRequest): Promise<void> => {
    await this.limit(request);
    if (this.#isLocal && !asksThisMachine(request)) await this.#requireKey(request);
  };

  /** For what belongs to operators: open to this machine, else to API keys. @throws DragomanError as `admitOpen` */
  readonly admitOperator = async (request: FastifyRequest): Promise<void> => {
    await this.limit(request);
    if (!this.#isLocal || !asksThisMachine(request)) await this.#requireKey(request);
  };

  async #requireKey(request: FastifyRequest): Promise<void> {
    request.principal = await this.#options.authenticator.authenticateKey(presentedBy(request));
  }
}

const noRates = { exec: null, upload: null, download: null, list: null };

/** What a request shows to be let in. */
export function presentedBy({ method, headers, raw }: FastifyRequest): Presented {
  const { address } = raw;
  return { method, headers, pathKey: address?.key, queryToken: address?.token, takesTokens: address?.takesTokens };
}

function asksThisMachine({ headers: { host } }: FastifyRequest): boolean {
  return host === undefined || isLoopbackHost(host.replace(/:\d+$/, ''));
}

/** One customer usually has a whole IPv6 network of 64 bits, so its addresses count as one. */
export function networkOf(address: string): string {
  if (!address.includes(':') || address.startsWith('::ffff:')) return address;
  const [head = '', tail = ''] = address.split('::');
  const front = head.split(':').filter(Boolean);
  const back = tail.split(':').filter(Boolean);
  const zeros = address.includes('::') ? new Array(Math.max(0, 8 - front.length - back.length)).fill('0') : [];
  return [...front, ...zeros, ...back].slice(0, 4).join(':');
}
