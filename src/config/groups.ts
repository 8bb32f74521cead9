import { authentication } from './groups/authentication.ts';
import { cluster } from './groups/cluster.ts';
import { face } from './groups/face.ts';
import { http } from './groups/http.ts';
import { isolation, pool } from './groups/isolation.ts';
import { limits, maxWallMs } from './groups/limits.ts';
import { concurrency, plansFile, queueWaitMs, rates, waiting } from './groups/load.ts';
import { mcp } from './groups/mcp.ts';
import { agent, providers, upstreams } from './groups/models.ts';
import { previews } from './groups/previews.ts';
import { sandboxes } from './groups/sandboxes.ts';
import { sessions, state } from './groups/sessions.ts';
import { compileCacheBytes, storedBytes, storedFiles, stores } from './groups/storage.ts';
import { telemetry } from './groups/telemetry.ts';
import { webhooks } from './groups/webhooks.ts';
import type { Values } from './setting.ts';

/** What a plan has besides limits of an execution. */
const plan = { maxWallMs, waiting, storedBytes, storedFiles, state, rates };

/** The settings that plans have. */
export const planGroup = { limits, ...plan, tier: isolation.backend, otherTiers: isolation.choices };

/** Every setting, under the names of `Config`. */
export const groups = {
  http,
  face,
  authentication,
  isolation,
  engine: {
    /** The limits that every sandbox is made with. */
    limits,
    /** 0: by cores and memory. */
    concurrency,
    queueWaitMs,
    /** Parked sandboxes of each kind; 0: by cores. */
    pool,
    /** 0: nothing is kept. */
    compileCacheBytes,
  },
  plan,
  plansFile,
  providers,
  upstreams,
  agent,
  mcp,
  sandboxes,
  stores,
  sessions,
  previews,
  cluster,
  webhooks,
  telemetry,
};

/** The value of every setting. */
export type SettingValues = Values<typeof groups>;
