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
async function readVariables(sessionId: string, language: string): Promise<readonly Variable[] | undefined> {
  try {
    const path = `/sessions/${sessionId}/variables?language=${encodeURIComponent(language)}`;
    return (await call<{ data: readonly Variable[] }>('GET', path)).data;
  } catch (error) {
    if (error instanceof ApiError) return undefined;
    throw error;
  }
}

/** What the kernels of a session hold, by the language that their kernel is named after. */
export type KernelVariables = ReadonlyMap<string, readonly Variable[] | undefined>;

/** Kernels that know their variables, by language. */
const kernels: Readonly<Record<string, string>> = {
  python: 'python',
  javascript: 'javascript',
  typescript: 'javascript',
};

/**
 * Asks the kernels that these languages have run in. Others are not asked, because a question would start them.
 * @param ran languages of cells whose variables are still there
 */
export async function readKernels(sessionId: string, ran: Iterable<string>): Promise<KernelVariables> {
  const asked = new Set([...ran].flatMap((language) => kernels[language] ?? []));
  const found = new Map<string, readonly Variable[] | undefined>();
  // One after the other: a session answers one question at a time.
  for (const language of asked) found.set(language, await readVariables(sessionId, language));
  return found;
}
