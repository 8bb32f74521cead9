import { DragomanError } from '../core/index.ts';

/** The sandbox of a session died before any of the code ran: the same request may run in a new one. */
export class SandboxGone extends DragomanError {
  constructor() {
    super('sandbox_unavailable', { message: 'The sandbox ended before the code started.' });
  }
}
