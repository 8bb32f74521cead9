/** Why setting up cannot go on. The message is for the operator and complete: what is wrong and what to do, in lines. */
export class SetupError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'SetupError';
  }
}
