import { DragomanError, type Principal } from '../../core/index.ts';
import type { RunningExecution } from '../../service/index.ts';
import type { Connection } from './connection.ts';
import type { Home } from './home.ts';
import type { KernelSpec } from './languages.ts';
import type { JupyterServices } from './services.ts';
import type { Fields, Incoming } from './wire.ts';

export interface KernelFacts {
  readonly id: string;
  readonly spec: KernelSpec;
  readonly principal: Principal;
  /** The session of the service. */
  readonly sessionId: string;
  /** A kernel of that session with a working directory of its own; undefined: the usual one. */
  readonly ownKernel: string | undefined;
  /** The files that it shares; undefined: it has its own alone. */
  readonly home: Home | undefined;
}

/** A request and who asks. */
export interface Request {
  readonly message: Incoming;
  readonly connection: Connection;
}

/** A kernel, as a cell of it sees it. */
export interface CellHost extends KernelFacts {
  readonly services: JupyterServices;
  /** The number of the next cell. */
  count: number;
  /** Code has run since its interpreter started. */
  hasRun: boolean;
  /** Which state of the home its session has. */
  homeRevision: number;
  /** Says on iopub what became of a request; without a parent, of the kernel itself. */
  tell(parent: Fields, type: string, content: Fields, metadata?: Fields): void;
  /** Answers the client that asks, and only that one. */
  reply(request: Request, type: string, content: Fields): void;
  /** Asks the client of a request for a line of input. */
  askInput(request: Request, prompt: string, password: boolean, answer: (value: string) => void): void;
  /** The execution of the request that runs, for interrupts. */
  noteExecution(execution: RunningExecution): void;
  /** Says that its interpreter is a new one. */
  sayRestarted(): void;
}

/** The content of a reply to what the service refused. */
export function refusal(error: unknown): Fields {
  const evalue = error instanceof DragomanError ? error.message : 'Internal error of the service.';
  return { status: 'error', ename: 'ServiceError', evalue, traceback: [`ServiceError: ${evalue}`] };
}

export function replyName(type: string): string {
  return type.replace(/_request$/, '_reply');
}
