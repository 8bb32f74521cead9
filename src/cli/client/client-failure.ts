import { ApiError, ConnectionError, DeadlineError, PathError } from '#client';
import { CommandError, Stopped } from './command-error.ts';
import type { Service } from './connection.ts';
import { shown } from './terminal.ts';

/** Turns what went wrong into a sentence that says what to do; what is unknown stays as it is. */
export function explained(error: unknown, service: Service | undefined): unknown {
  if (error instanceof Stopped || error instanceof CommandError) return error;
  if (error instanceof ConnectionError || error instanceof DeadlineError)
    return new CommandError(`${shown(error.message)}\n${whereToLook(service)}`);
  if (error instanceof ApiError) return new CommandError(`${shown(error.message)}${adviceOn(error, service)}`);
  if (error instanceof PathError) return new CommandError(shown(error.message));
  // A file of this machine: the message names it, and the reason.
  if (error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string')
    return new CommandError(shown(error.message));
  return error;
}

function whereToLook(service: Service | undefined): string {
  if (service?.urlFrom === 'the usual address')
    return [
      'Is the service running? "dragoman serve" starts one on this machine.',
      'For another one set DRAGOMAN_URL and DRAGOMAN_API_KEY, or make a profile: dragoman profile add <name> --url <address>',
    ].join('\n');
  return `The address comes from ${service?.urlFrom ?? 'the options'}. Is it right, and does the service run there?`;
}

function adviceOn({ code, status, retryAfterSeconds }: ApiError, service: Service | undefined): string {
  if (status === 401)
    return service?.keyFrom
      ? `\nThe key comes from ${service.keyFrom}; the service does not know it. "dragoman keys create <name>" makes one there.`
      : '\nThere is no key: set DRAGOMAN_API_KEY, or make a profile with one: dragoman profile add <name> --url <address>';
  if (code === 'session_expired' || code === 'not_found') return '\n"dragoman sessions" lists what is there.';
  if (retryAfterSeconds !== undefined) return `\nTry again in ${retryAfterSeconds} s.`;
  return '';
}
