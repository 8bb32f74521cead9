/**
 * The exit code for every fault that is not the program's: a wrong option, a missing file, a service that refuses. `env`, `timeout` and
 * `docker run` use it in the same way.
 */
export const ownFault = 125;

/** What the user of the command line can mend: one sentence, no stack. */
export class CommandError extends Error {
  override name = 'CommandError';
  readonly exitCode: number;

  constructor(message: string, exitCode: number = ownFault) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** The user or the reader of the output ended the command: `128 + number of the signal`, and nothing to say. */
export class Stopped extends Error {
  override name = 'Stopped';
  readonly exitCode: number;

  constructor(exitCode: number) {
    super('The command was ended.');
    this.exitCode = exitCode;
  }
}
