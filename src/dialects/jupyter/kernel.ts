import { randomUUID } from 'node:crypto';
import { DragomanError, type HeldBytes, type Principal } from '../../core/index.ts';
import type { RunningExecution } from '../../service/index.ts';
import { runCell } from './cell.ts';
import type { Connection } from './connection.ts';
import { fitted, keepForm } from './fit.ts';
import { historyReply } from './history.ts';
import type { Home } from './home.ts';
import { type CellHost, type KernelFacts, type Request, refusal, replyName } from './host.ts';
import { type KernelSpec, kernelInfo } from './languages.ts';
import { Missed } from './missed.ts';
import { answer, warm } from './questions.ts';
import type { JupyterServices } from './services.ts';
import { type Channel, type Fields, Outgoing } from './wire.ts';

/** Requests that may wait in a kernel, and their bytes for all kernels of one principal. */
const maxWaiting = 2000;
export const waitingLimits = { perPrincipal: 64 * 1024 * 1024, total: 256 * 1024 * 1024 };

export interface KernelParts {
  readonly services: JupyterServices;
  /** Bytes of requests that wait, and of messages for clients that are gone. */
  readonly waiting: HeldBytes;
  readonly missed: HeldBytes;
  /** Ends the kernel: a client asked for that. */
  end(kernel: Kernel): Promise<void>;
}

export type KernelState = 'starting' | 'idle' | 'busy' | 'restarting' | 'dead';

/** A Jupyter kernel: clients and their requests, over a session of the service. */
export class Kernel implements CellHost {
  readonly id: string;
  readonly spec: KernelSpec;
  readonly principal: Principal;
  readonly sessionId: string;
  readonly ownKernel: string | undefined;
  readonly home: Home | undefined;
  lastActivity: number;
  homeRevision = -1;
  count = 1;
  hasRun = false;
  readonly #parts: KernelParts;
  readonly #connections = new Set<Connection>();
  readonly #missed: Missed;
  /** One for each life of its interpreter: clients drop messages where it differs. */
  #session = randomUUID() as string;
  #state: KernelState = 'starting';
  #queue: Request[] = [];
  #running:
    | {
        readonly request: Request;
        readonly over: PromiseWithResolvers<void>;
        isInterrupted?: boolean;
        execution?: RunningExecution;
      }
    | undefined;
  #input: { readonly request: Request; answer(value: string): void } | undefined;
  #isPumping = false;
  #restarts = 0;
  #isEnded = false;
  #kept = 0;
  #reading: Promise<void> = Promise.resolve();

  constructor(facts: KernelFacts, parts: KernelParts) {
    this.id = facts.id;
    this.spec = facts.spec;
    this.principal = facts.principal;
    this.sessionId = facts.sessionId;
    this.ownKernel = facts.ownKernel;
    this.home = facts.home;
    this.#parts = parts;
    this.lastActivity = parts.services.now();
    this.#missed = new Missed(parts.missed, facts.principal.id, () => parts.services.now());
  }

  get model(): Fields {
    return {
      id: this.id,
      name: this.spec.name,
      last_activity: new Date(this.lastActivity).toISOString(),
      execution_state: this.#state,
      connections: this.#connections.size,
    };
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Nothing runs, and nothing waits. */
  get isIdle(): boolean {
    return this.#running === undefined && this.#queue.length === 0;
  }

  /** A client comes, or comes back. */
  join(connection: Connection): void {
    const { sessionId } = connection;
    // It was ended while the client came.
    if (this.#isEnded) return void connection.close(1000, 'The kernel was shut down.');
    if (sessionId !== undefined) {
      for (const other of this.#connections)
        if (other.sessionId === sessionId) {
          this.#connections.delete(other);
          other.close(1000, 'Replaced by a later connection of this session.');
        }
    }
    this.#connections.add(connection);
    if (sessionId !== undefined) for (const message of this.#missed.take(sessionId)) this.#send(connection, message);
    if (this.#state === 'starting') {
      this.#state = 'idle';
      // Saved variables are given back to a cell, and to an interpreter that nothing has used before it.
      if (!this.hasRun) warm(this);
    }
  }

  leave(connection: Connection): void {
    if (!this.#connections.delete(connection)) return;
    this.#touch();
    const { sessionId } = connection;
    if (sessionId !== undefined && !this.#isEnded) this.#missed.begin(sessionId);
  }

  receive(request: Request): void {
    const { message, connection } = request;
    if (this.#isEnded) return;
    this.#touch();
    const { type, channel, content } = message;
    const target: Channel = channel === 'control' ? 'control' : 'shell';
    switch (type) {
      case 'input_reply':
        if (channel === 'stdin' || channel === 'shell') this.#takeInput(connection, content);
        return;
      case 'kernel_info_request':
        return void this.#instantly(request, () =>
          this.reply(request, 'kernel_info_reply', kernelInfo(this.spec), target),
        );
      case 'comm_info_request':
        return void this.#instantly(request, () =>
          this.reply(request, 'comm_info_reply', { status: 'ok', comms: {} }, target),
        );
      case 'comm_open':
        return void this.#instantly(request, () => {
          if (typeof content.comm_id === 'string')
            this.tell(message.header, 'comm_close', { comm_id: content.comm_id.slice(0, 200), data: {} });
        });
      case 'comm_msg':
      case 'comm_close':
        return void this.#instantly(request, () => {});
      case 'interrupt_request':
        return void this.#instantly(request, async () => {
          await this.interrupt();
          this.reply(request, 'interrupt_reply', { status: 'ok' }, target);
        });
      case 'shutdown_request':
        return void this.#instantly(request, () => this.#shutDown(request, target));
      case 'history_request':
        return void this.#instantly(request, async () => {
          // One at a time: each reads all that is remembered.
          const work = this.#reading.then(async () => {
            const runs = await this.#parts.services.sessions.history(this.principal, this.sessionId);
            this.reply(request, 'history_reply', historyReply(content, runs), target);
          });
          this.#reading = work.catch(() => {});
          await work;
        });
      case 'debug_request':
        return void this.#instantly(request, () => this.reply(request, 'debug_reply', noDebugger, target));
      case 'execute_request':
      case 'complete_request':
      case 'inspect_request':
      case 'is_complete_request':
        this.#enqueue(request);
    }
  }

  /** As Ctrl-C on a terminal: what runs, also while it waits for input. */
  async interrupt(): Promise<void> {
    if (!this.#running) return;
    this.#running.isInterrupted = true;
    const { execution } = this.#running;
    // What waits for its turn has nothing to be interrupted yet.
    if (execution?.status === 'queued') execution.cancel();
    else await execution?.interrupt();
  }

  /** A new interpreter, over the same files. Clients stay. Resolves when the old one is gone. */
  async restart(): Promise<void> {
    this.#state = 'restarting';
    this.#restarts++;
    try {
      this.#abort(this.#queue.splice(0));
      await this.#parts.services.sessions.restart(this.principal, this.sessionId);
      // The last words about what ran are of the old life.
      await this.#running?.over.promise;
    } finally {
      this.#restarts--;
    }
    this.#begin();
    warm(this);
  }

  sayRestarted(): void {
    this.#setState({}, 'restarting');
    this.#begin();
  }

  /** A new life: another session in its messages, and cells counted from 1. */
  #begin(): void {
    this.#session = randomUUID();
    this.count = 1;
    this.hasRun = false;
    this.#input = undefined;
    this.#setState({}, 'starting');
    this.#setState({}, 'idle');
    this.#state = this.#running ? 'busy' : 'idle';
    if (this.#running) this.#setState(this.#running.request.message.header, 'busy');
  }

  /** Its clients are sent away: 1000 tells them not to come back. */
  end(reason: string): void {
    this.#isEnded = true;
    this.#state = 'dead';
    for (const { message } of this.#queue.splice(0)) this.#parts.waiting.give(this.principal.id, message.bytes);
    for (const connection of this.#connections) connection.close(1000, reason);
    this.#connections.clear();
    this.#missed.clear();
  }

  tell(parent: Fields, type: string, content: Fields, metadata?: Fields): void {
    const message = new Outgoing('iopub', type, content, { session: this.#session, parent, metadata });
    for (const connection of this.#connections) this.#send(connection, message);
    this.#missed.add(message);
  }

  #setState(parent: Fields, execution_state: string): void {
    this.tell(parent, 'status', { execution_state });
  }

  reply({ message, connection }: Request, type: string, content: Fields, channel: Channel = 'shell'): void {
    const reply = new Outgoing(channel, type, content, { session: this.#session, parent: message.header });
    const { sessionId } = connection;
    if (connection.isOpen) return void this.#send(connection, reply);
    if (sessionId === undefined) return;
    // It may be back by another socket.
    const back = [...this.#connections].find((other) => other.sessionId === sessionId);
    if (back) this.#send(back, reply);
    else this.#missed.add(reply, sessionId);
  }

  askInput(request: Request, prompt: string, password: boolean, answer: (value: string) => void): void {
    this.#input = { request, answer };
    this.reply(request, 'input_request', { prompt, password }, 'stdin');
  }

  noteExecution(execution: RunningExecution): void {
    if (!this.#running) return;
    this.#running.execution = execution;
    // It came while the cell waited to be started.
    if (this.#running.isInterrupted) execution.cancel();
  }

  get services(): JupyterServices {
    return this.#parts.services;
  }

  #takeInput(connection: Connection, { value }: Fields): void {
    const asked = this.#input;
    if (!asked || typeof value !== 'string') return;
    const { connection: asker } = asked.request;
    const isAsker = connection === asker || (asker.sessionId !== undefined && connection.sessionId === asker.sessionId);
    if (!isAsker) return;
    this.#input = undefined;
    asked.answer(value.slice(0, 1024 * 1024));
  }

  #enqueue(request: Request): void {
    const { message } = request;
    try {
      if (this.#queue.length >= maxWaiting) throw new DragomanError('session_busy');
      this.#parts.waiting.take(this.principal.id, message.bytes);
    } catch (error) {
      return void this.#instantly(request, () => this.reply(request, replyName(message.type), refusal(error)));
    }
    this.#queue.push(request);
    void this.#pump();
  }

  async #pump(): Promise<void> {
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      for (let request = this.#queue.shift(); request; request = this.#queue.shift()) {
        const over = Promise.withResolvers<void>();
        this.#running = { request, over };
        try {
          await this.#serve(request);
        } finally {
          over.resolve();
          this.#running = undefined;
          this.#input = undefined;
          this.#parts.waiting.give(this.principal.id, request.message.bytes);
        }
      }
    } finally {
      this.#isPumping = false;
    }
  }

  /** Serves one request of the queue, from busy to idle. Never rejects. */
  async #serve(request: Request): Promise<void> {
    const { message } = request;
    this.#state = 'busy';
    this.#setState(message.header, 'busy');
    let isLost = false;
    try {
      if (message.type === 'execute_request') isLost = await this.#execute(request);
      else await answer(this, request);
    } catch (error) {
      this.#parts.services.logger.error({ kernel: this.id, error: String(error) }, 'a request of a kernel failed');
      this.reply(request, replyName(message.type), refusal(error));
    }
    if (!this.#isEnded) this.#state = 'idle';
    this.#touch();
    this.#setState(message.header, 'idle');
    this.#running = undefined;
    if (isLost && this.#restarts === 0 && !this.#isEnded) this.sayRestarted();
  }

  /** @returns whether its interpreter is gone */
  async #execute(request: Request): Promise<boolean> {
    const { failed, isLost } = await runCell(this, request);
    if (!failed || request.message.content.stop_on_error === false) return isLost;
    const waiting = this.#queue;
    this.#queue = waiting.filter(({ message }) => message.type !== 'execute_request');
    this.#abort(waiting.filter(({ message }) => message.type === 'execute_request'));
    return isLost;
  }

  /** Answers requests that are not run because one before them failed. */
  #abort(requests: readonly Request[]): void {
    for (const request of requests) {
      const { header, type, bytes } = request.message;
      this.#parts.waiting.give(this.principal.id, bytes);
      this.#setState(header, 'busy');
      this.reply(request, replyName(type), { status: 'aborted', execution_count: this.count });
      this.#setState(header, 'idle');
    }
  }

  async #shutDown(request: Request, channel: Channel): Promise<void> {
    const restart = request.message.content.restart === true;
    const reply = { status: 'ok', restart };
    this.reply(request, 'shutdown_reply', reply, channel);
    this.tell(request.message.header, 'shutdown_reply', reply);
    if (restart) await this.restart();
    else await this.#parts.end(this);
  }

  /** Answers at once, also while a cell runs. */
  #instantly(request: Request, work: () => void | Promise<void>): void {
    const { header } = request.message;
    this.#setState(header, 'busy');
    const end = () => {
      this.#setState(header, 'idle');
      // Clients take the last status of any parent for the kernel's.
      if (this.#running) this.#setState(this.#running.request.message.header, 'busy');
    };
    const fail = (error: unknown) => {
      this.reply(request, replyName(request.message.type), refusal(error));
      end();
    };
    try {
      const working = work();
      if (working) working.then(end, fail);
      else end();
    } catch (error) {
      fail(error);
    }
  }

  #send(connection: Connection, message: Outgoing): void {
    connection.send(message, (large, maxBytes) =>
      fitted(large, maxBytes, (type, content) => keepForm(this, `${this.count}_${++this.#kept}`, type, content)),
    );
  }

  #touch(): void {
    this.lastActivity = this.#parts.services.now();
  }
}

const noDebugger = { status: 'error', ename: 'NotImplementedError', evalue: 'There is no debugger.', traceback: [] };
