import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { exec } from '../../test/support/client.ts';
import { LibreChatClient } from '../../test/support/librechat.ts';
import { nativeClient } from '../../test/support/native.ts';
import type { Target } from './good.ts';

/** The kinds of request that a neighbour makes, in turn. */
export const kinds = ['print', 'cell', 'upload', 'download', 'response'] as const;
type Kind = (typeof kinds)[number];

/** Milliseconds by kind, and what was refused or wrong. */
export interface Measured {
  readonly times: Readonly<Record<Kind, number[]>>;
  readonly faults: string[];
}

const pauseMs = 20;
/** No request of a neighbour may hang. */
const deadlineMs = 60_000;
const uploadBytes = 64 * 1024;
const downloadBytes = 256 * 1024;

/** Another key's user, who does ordinary things one after another and checks every answer. */
export class Neighbour {
  readonly #target: Target;
  readonly #files: LibreChatClient;
  readonly #content = randomBytes(downloadBytes);
  #session = '';
  #cells = 0;
  #stored = { id: '', storage_session_id: '' };

  constructor(target: Target) {
    this.#target = target;
    this.#files = new LibreChatClient(`${target.url}/v1`, target.key);
  }

  async start(): Promise<void> {
    const native = nativeClient(this.#target);
    this.#session = await native.session();
    await native.cell(this.#session, 'count = 0');
    this.#stored = await this.#files.attach('kept.bin', this.#content);
  }

  async close(): Promise<void> {
    await (await nativeClient(this.#target).send('DELETE', `/sessions/${this.#session}`)).text();
  }

  /** Does everything in turn until `isOver`, at least once. */
  async work(isOver: () => boolean, into: Measured): Promise<void> {
    do {
      for (const kind of kinds) {
        const began = performance.now();
        let timer: NodeJS.Timeout | undefined;
        const late = new Promise<never>((_, reject) => {
          timer = setTimeout(() => reject(new Error(`no answer within ${deadlineMs / 1000} s`)), deadlineMs);
        });
        await Promise.race([this[kind](), late]).catch((error) => into.faults.push(`${kind}: ${error.message}`));
        clearTimeout(timer);
        into.times[kind].push(performance.now() - began);
        await sleep(pauseMs);
      }
    } while (!isOver());
  }

  async print(): Promise<void> {
    const nonce = randomBytes(8).toString('hex');
    const answer = await exec(this.#target, { lang: 'py', code: `print("${nonce}")` });
    if (answer.stdout !== `${nonce}\n`) throw new Error(JSON.stringify(answer).slice(0, 300));
  }

  /** Its variables have to be there still. */
  async cell(): Promise<void> {
    const answer = await nativeClient(this.#target).cell(this.#session, 'count += 1\nprint(count)');
    if (answer.stdout !== `${++this.#cells}\n`) {
      this.#cells = Number(answer.stdout) || 0;
      throw new Error(JSON.stringify(answer).slice(0, 300));
    }
  }

  async upload(): Promise<void> {
    const { status, body } = await this.#files.upload([{ name: 'new.bin', content: randomBytes(uploadBytes) }]);
    if (status !== 200) throw new Error(`${status} ${JSON.stringify(body).slice(0, 300)}`);
  }

  async download(): Promise<void> {
    const { response, bytes } = await this.#files.download(this.#stored.storage_session_id, this.#stored.id);
    if (sha256(bytes) !== sha256(this.#content)) throw new Error(`${response.status}, ${bytes.length} bytes`);
  }

  /** Streamed; the model says it in pieces and runs nothing. */
  async response(): Promise<void> {
    const answer = await fetch(`${this.#target.url}/v1/responses`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.#target.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'soak',
        input: 'Hello',
        stream: true,
        tools: [{ type: 'code_interpreter', container: { type: 'auto' } }],
      }),
    });
    const text = await answer.text();
    if (!text.includes('response.completed')) throw new Error(`${answer.status} ${text.slice(-300)}`);
  }
}

export const nothingMeasured = (): Measured => ({
  times: { print: [], cell: [], upload: [], download: [], response: [] },
  faults: [],
});

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
