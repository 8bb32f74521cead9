import { pathOf } from './address.ts';
import type { Kernel, KernelRequest, ListKernelsAnswer } from './api.ts';
import type { CallOptions } from './deadline.ts';
import type { Transport } from './transport.ts';

/** The kernels of one session: interpreters with variables of their own that share its files. */
export class SessionKernels {
  readonly #transport: Transport;
  readonly #base: string;

  constructor(transport: Transport, sessionId: string) {
    this.#transport = transport;
    this.#base = pathOf('sessions', sessionId, 'kernels');
  }

  /** The default kernels of languages that have run, then those that were made. */
  async list(options: CallOptions = {}): Promise<Kernel[]> {
    return (await this.#transport.json<ListKernelsAnswer>('GET', this.#base, options)).data;
  }

  /** Makes one; code goes to it by `kernel_id`. */
  create(kernel: KernelRequest, options: CallOptions = {}): Promise<Kernel> {
    return this.#transport.json('POST', this.#base, { ...options, json: kernel });
  }

  /** Forgets its variables. */
  async restart(id: string, options: CallOptions = {}): Promise<Kernel> {
    return this.#transport.json('POST', `${this.#base}${pathOf(id, 'restart')}`, {
      ...options,
      repeatable: true,
    });
  }

  async delete(id: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.json('DELETE', `${this.#base}${pathOf(id)}`, { ...options, repeatable: true });
  }
}
