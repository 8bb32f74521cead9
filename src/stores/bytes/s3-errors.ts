/** The HTTP status that a request of the SDK failed with. */
export function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } } | undefined)?.$metadata?.httpStatusCode;
}

/** What a failed request says, as the end of a sentence. */
export function reasonOf(error: unknown): string {
  // The answer to a HEAD has no body that would say more.
  const status = statusOf(error);
  if (status === 404) return 'it does not exist';
  if (status === 403) return 'the credentials have no right to it';
  const { name, message } = error as Error;
  return name === message || message === '' ? name : `${name}: ${message}`;
}
