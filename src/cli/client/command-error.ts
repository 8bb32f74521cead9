/** What the user of the command line can mend: one sentence, no stack. */
export class CommandError extends Error {
  override name = 'CommandError';
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
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
