import { ApiError, call } from '../api/http.ts';

/** A variable of a kernel, as far as it is known without running any code of its class. */
export interface Variable {
  readonly name: string;
  readonly kind: string;
  readonly type: string;
  readonly shape?: readonly number[] | null;
  readonly bytes?: number | null;
  readonly preview?: string | null;
}

/** Undefined: not known now, since code runs or the language has no list of them. */
export async function readVariables(sessionId: string, language = 'python'): Promise<readonly Variable[] | undefined> {
  try {
    const path = `/sessions/${sessionId}/variables?language=${encodeURIComponent(language)}`;
    return (await call<{ data: readonly Variable[] }>('GET', path)).data;
  } catch (error) {
    if (error instanceof ApiError) return undefined;
    throw error;
  }
}
