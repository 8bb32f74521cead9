import { DragomanError } from '../core/index.ts';

/** The sandbox of a session died before any of the code ran: the same request can run in a new one. */
export class SandboxGone extends DragomanError {
  constructor(cause?: unknown) {
    super('sandbox_unavailable', { message: 'The sandbox ended before the code started.', cause });
  }
}
