import type { TestServer } from './server.ts';

/** What `POST /v1/exec` answers, as far as tests look at it. */
export interface ExecAnswer {
  readonly httpStatus: number;
  readonly headers: Headers;
  readonly session_id: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
  readonly status: string | null;
  readonly error?: string;
  readonly files: readonly {
    readonly id: string;
    readonly name: string;
    readonly storage_session_id: string;
    readonly inherited?: true;
  }[];
}

/** Runs a program over HTTP. */
export async function exec(
  server: Pick<TestServer, 'url' | 'key'>,
  body: Readonly<Record<string, unknown>>,
  options: { signal?: AbortSignal } = {},
): Promise<ExecAnswer> {
  const response = await fetch(`${server.url}/v1/exec`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': server.key },
    body: JSON.stringify(body),
    ...options,
  });
  const answer = (await response.json()) as Omit<ExecAnswer, 'httpStatus' | 'headers'>;
  return { ...answer, httpStatus: response.status, headers: response.headers };
}
