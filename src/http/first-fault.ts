import type { z } from 'zod';

type Issue = z.core.$ZodIssue;

/** What is wrong with a value, and where it is. */
export interface Fault {
  readonly path: readonly PropertyKey[];
  readonly issue: Issue;
}

/** The first fault of an issue. For a union: of the branch that matched furthest. */
export function firstFault(issue: Issue): Fault {
  // The client chose the key, and it can be very long.
  if (issue.code === 'invalid_key') return { path: issue.path.slice(0, -1), issue };
  if (issue.code !== 'invalid_union') return { path: issue.path, issue };
  const deepest = issue.errors
    .flatMap(([first]) => (first ? [firstFault(first)] : []))
    .toSorted((a, b) => b.path.length - a.path.length)[0];
  return deepest && deepest.path.length > 0
    ? { path: [...issue.path, ...deepest.path], issue: deepest.issue }
    : { path: issue.path, issue };
}
