import type { NewSession, SessionInfo } from '../../service/index.ts';
import { invalid } from './errors.ts';
import type { CreateBody } from './wire.ts';

/** Marks the sessions of this API. */
export const face = 'opensandbox';
/** A sandbox without a timeout ends when sessions do at the latest. */
const forEverMs = 10 * 365 * 86_400_000;

/** What is kept of a sandbox beside its session. */
interface Notes {
  readonly image: string;
  readonly entrypoint: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly metadata: Readonly<Record<string, string>>;
}

const images = /(?:^|\/)(?:code-interpreter|python)[^/]*$/;

/** @throws WireError for what a sandbox here cannot be given */
export function toNewSession(body: CreateBody, now: number): NewSession {
  const { image, entrypoint, timeout, networkPolicy, env, metadata, resourceLimits } = body;
  if (body.volumes?.length) throw invalid('volumes: a sandbox has no volumes; upload the files instead');
  if (body.snapshotId) throw invalid('snapshotId: there are no snapshots');
  if (body.credentialProxy?.enabled) throw invalid('credentialProxy: sandboxes have no network');
  if (body.platform?.os !== undefined && body.platform.os !== 'linux') throw invalid('platform: sandboxes run linux');
  if (networkPolicy?.defaultAction === 'allow' || networkPolicy?.egress?.some(allows))
    throw invalid('networkPolicy: sandboxes have no network, so nothing can be allowed');
  const uri = image?.uri ?? 'opensandbox/code-interpreter';
  if (!images.test(uri.replace(/@sha256:[0-9a-f]+$/, '').replace(/:[^/:]*$/, '')))
    throw invalid(`image: only opensandbox/code-interpreter and python are offered, each as the image of this service`);
  const notes: Notes = {
    image: uri,
    entrypoint: entrypoint ?? [],
    env: Object.fromEntries(Object.entries(env ?? {}).filter((entry): entry is [string, string] => entry[1] !== null)),
    metadata: metadata ?? {},
  };
  const lifeMs = timeout == null ? forEverMs : timeout * 1000;
  const memoryBytes = bytesOf(resourceLimits?.memory);
  return { face, notes: { ...notes }, endsAt: now + lifeMs, idleMs: lifeMs, ...(memoryBytes ? { memoryBytes } : {}) };
}

const allows = (rule: unknown) => (rule as { action?: unknown } | null)?.action !== 'deny';

/** A quantity of Kubernetes, as `2Gi` or `512M`; undefined for one that cannot be read or is too small for any code. */
function bytesOf(quantity: string | number | undefined): number | undefined {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)([KMGT]i?|k)?$/.exec(String(quantity ?? '')) ?? [];
  if (digits === undefined) return undefined;
  const power = ' KMGT'.indexOf(unit[0]?.toUpperCase() ?? ' ');
  const bytes = Math.floor(Number(digits) * (unit.endsWith('i') ? 1024 : 1000) ** power);
  return Math.max(bytes, leastMemory);
}

const leastMemory = 64 * 1024 * 1024;

export function notesOf({ notes }: SessionInfo): Notes {
  return notes as unknown as Notes;
}

export function sandboxAnswer(info: SessionInfo) {
  const { entrypoint, metadata, image } = notesOf(info);
  return {
    id: info.id,
    image: { uri: image },
    status: { state: 'Running' },
    metadata,
    expiresAt: isoTime(info.expiresAt),
    createdAt: isoTime(info.createdAt),
    entrypoint,
  };
}

export const isoTime = (ms: number) => new Date(ms).toISOString();
