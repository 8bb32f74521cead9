import type { Command } from 'commander';
import type { Dragoman } from '#client';
import { explained } from './client-failure.ts';
import { connect, findService, type Service, type ServiceOptions } from './connection.ts';
import type { Environment } from './profiles.ts';
import { untilSignal } from './signals.ts';
import type { Terminal } from './terminal.ts';

/** What commands that talk to a service are made with. */
export interface ClientContext {
  readonly env: Environment;
  readonly terminal: Terminal;
}

/** What such a command runs with. */
export interface Work {
  readonly dragoman: Dragoman;
  readonly service: Service;
  readonly terminal: Terminal;
  /** Aborts when a signal, or the end of the output's reader, ends the command. */
  readonly signal: AbortSignal;
}

export interface CommonOptions extends ServiceOptions {
  readonly json?: true;
}

/** Adds the options of every command that talks to a service. */
export function withServiceOptions(command: Command): Command {
  return command
    .option('--url <address>', 'the service, in place of DRAGOMAN_URL')
    .option('--profile <name>', 'a profile of "dragoman profile"')
    .option('--json', 'print JSON');
}

/** Finds the service and runs `work`; what goes wrong is told in one sentence. @throws CommandError, Stopped */
export async function atService(
  { env, terminal }: ClientContext,
  options: ServiceOptions,
  work: (work: Work) => Promise<void>,
): Promise<void> {
  let service: Service | undefined;
  try {
    service = await findService(options, env);
    const dragoman = connect(service);
    await untilSignal(terminal.closed, (signal) => work({ dragoman, service: service!, terminal, signal }));
  } catch (error) {
    throw explained(terminal.closed.aborted ? terminal.closed.reason : error, service);
  }
}
