import { readFileSync } from 'node:fs';

/** A range of user ids of this process' user namespace, and its ids in the parent namespace. */
export interface UserExtent {
  readonly inside: number;
  readonly outside: number;
  readonly count: number;
}

/** Users reserved for sandboxes: zygotes run as the first, and each other one belongs to one sandbox at a time. */
const sandboxUserCount = 4096;

/** Users for the sandboxes of one backend. */
export interface UserRange {
  readonly first: number;
  readonly count: number;
}

/** Reads what /proc/self/uid_map shows. */
export function parseUserMap(text: string): UserExtent[] {
  return text
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .map(([inside, outside, count]) => ({ inside: inside!, outside: outside!, count: count! }));
}

/** The map of this process' own namespace. */
export function ownUserMap(): UserExtent[] {
  return parseUserMap(readFileSync('/proc/self/uid_map', 'utf8'));
}

/** The id of a user in the parent namespace; undefined when it has none. */
export function outsideUser(map: readonly UserExtent[], user: number): number | undefined {
  const extent = map.find(({ inside, count }) => user >= inside && user < inside + count);
  return extent && extent.outside + (user - extent.inside);
}

/**
 * The first of the users for sandboxes: the wanted one if all of them exist, else the end of the longest range, far from the
 * namespace's own users.
 * @throws Error when there are too few
 */
export function firstSandboxUser(map: readonly UserExtent[], wanted: number): number {
  const holds = ({ inside, count }: UserExtent) => wanted >= inside && wanted + sandboxUserCount <= inside + count;
  if (map.some(holds)) return wanted;
  const longest = map.toSorted((a, b) => b.count - a.count)[0]!;
  const first = longest.inside + longest.count - sandboxUserCount;
  // Root cannot be one of them.
  if (first < Math.max(1, longest.inside))
    throw new Error(`/proc/self/uid_map has no ${sandboxUserCount} users in a row for sandboxes`);
  return first;
}

/** The users of one backend: of all for sandboxes, this part. @throws Error as `firstSandboxUser` */
export function sandboxUsers(map: readonly UserExtent[], wanted: number, { at, of } = { at: 0, of: 1 }): UserRange {
  const count = Math.floor(sandboxUserCount / of);
  return { first: firstSandboxUser(map, wanted) + at * count, count };
}
