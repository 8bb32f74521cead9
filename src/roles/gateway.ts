import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createAgent } from '../agent/index.ts';
import { createAssistant, type ResponseEvent, responseLogBytes } from '../assistant/index.ts';
import type { Config } from '../config/index.ts';
import type { Plans } from '../core/index.ts';
import { createDialects, responseEnded } from '../dialects/index.ts';
import { MemoryEventLog } from '../event-log/index.ts';
import { createAuthenticator, createServer, problemOf, type StartCode } from '../http/index.ts';
import type { Runner } from '../runner/index.ts';
import {
  Admission,
  ApiKeys,
  Consumption,
  createService,
  Drafts,
  type Endings,
  FaultLog,
  GatewayCount,
  type JobStorage,
  type Keeps,
  KeyAdministration,
  Overview,
  onlyProcess,
  type Peers,
  PreviewService,
  RunnerInfo,
  SessionTokens,
  Shares,
  SignIns,
  serviceSecret,
  Webhooks,
} from '../service/index.ts';
import { createUpstreams } from '../upstreams/index.ts';
import type { Common } from './common.ts';
import type { Storage } from './storage.ts';
import { defaultPlaces, surroundings } from './surroundings.ts';

const shutdownDeadlineMs = 10_000;

/** What a gateway is made over. */
export interface GatewayParts extends Storage {
  readonly runner: Runner;
  readonly jobFiles: JobStorage;
  /** Other gateways over the same records. Absent: there are none. */
  readonly peers?: Peers | undefined;
  /** What workers elsewhere tell all gateways, and what goes with their jobs for it. Absent: they are in this process. */
  readonly endings?: Endings | undefined;
  readonly keeps?: Keeps | undefined;
  /** Of the program. */
  readonly version: string;
  /** Of the sandbox image. */
  readonly imageId: string;
  /** Executions that all workers run at once; absent: as many as this machine can. */
  readonly places?: (() => number) | undefined;
  /** Signs in the browser of the person who started the service. */
  readonly startCode?: StartCode | undefined;
}

/** Where the pages are built to. */
const facePath = fileURLToPath(new URL('../../dist/ui', import.meta.url));

/** Starts what callers speak to, the open port last. Returns its address. @throws Error when it cannot listen */
export async function startGateway(config: Config, parts: GatewayParts, common: Common): Promise<string> {
  const { plans } = config;
  const { logger, metrics, traces, now, availableMemory, lifetime } = common;
  const { records, usage, version, fileService, runner, jobFiles, startCode } = parts;
  const { retentionMs } = config.stores;
  const { maxUploadBytes: maxFileBytes, maxUploadFiles } = config.http;
  const { queueWaitMs } = config.engine;
  const places = config.engine.concurrency || (parts.places ?? defaultPlaces(plans));
  // Where gateways share the records, each piece of work that lasts has one that does it, and each lets through its part.
  const leases = config.cluster.role === 'gateway' ? records.leases : undefined;
  const count = leases && new GatewayCount({ leases, logger, now });
  lifetime.add(() => count?.close());
  await count?.start();
  const gateways = count && (() => count.current);
  const admission = new Admission({ places, waitMs: queueWaitMs, gateways });
  const peers = parts.peers ?? onlyProcess;
  const { endings, keeps } = parts;
  const shared = {
    runner,
    peers,
    endings,
    keeps,
    jobFiles,
    records,
    fileService,
    admission,
    plans,
    usage,
    logger,
    metrics,
    traces,
    now,
  };
  const bounds = { queueWaitMs, retentionMs, maxFileBytes };
  const service = createService({ ...shared, ...config.sessions, ...bounds, availableMemory });
  lifetime.add(() => service.close());
  service.start();
  const { sessions, kernels, states, executions, executionWatch, toolRounds, namedRequests, operations } = service;
  const { commands, sandboxFiles } = service;
  const { cacheBytes, ...previewLimits } = config.previews;
  const previews = new PreviewService({ ...shared, cacheBytes, limits: previewLimits });
  lifetime.add(() => previews.close());
  const runnerInfo = new RunnerInfo(runner);

  const lifeMs = config.face.signInHours * 60 * 60_000;
  const signIns = config.face.isOn ? new SignIns({ documents: records.documents, lifeMs, now }) : undefined;
  const authenticator = createAuthenticator({
    ...config.authentication,
    signIns,
    plans,
    findKey: (hash) => records.keys.findByHash(hash),
    logger,
  });
  const agent = createAgent({
    ...config.agent,
    upstreams: createUpstreams({ ...config.upstreams, logger }),
    executions,
    plans,
    runnerInfo,
  });
  const { url: webhookUrl, secret, allowsPrivate } = config.webhooks;
  const webhooks =
    webhookUrl !== undefined && secret !== undefined
      ? new Webhooks({
          ...{ url: webhookUrl, secret, allowsPrivate, leases, logger, metrics, now },
          documents: records.documents,
        })
      : undefined;
  lifetime.add(() => webhooks?.close());
  const assistant = createAssistant({
    leases,
    notices: webhooks && {
      documentsFor: (response) => [webhooks.notice(response.id, responseEnded(response))],
      written: () => webhooks.wake(),
    },
    agent,
    sessions,
    storedFiles: fileService,
    previews,
    documents: records.documents,
    // A reader that lags behind holds its log. What has ended is in the documents.
    log: new MemoryEventLog<ResponseEvent>({
      maxLogs: 1000,
      maxBytes: responseLogBytes,
      maxLogBytes: responseLogBytes,
      ttlMs: 10_000,
    }),
    retentionMs,
    logger,
    now,
  });
  lifetime.add(() => assistant.close());
  const drafts = new Drafts({
    documents: records.documents,
    retentionMs: Math.max(retentionMs, config.sessions.maxLifeMs),
    now,
  });
  const shares = config.face.isOn && config.face.shares ? new Shares({ documents: records.documents, now }) : undefined;
  const faults = new FaultLog();
  const keyAdministration = new KeyAdministration({
    keys: new ApiKeys(records.keys, plans, now),
    configured: authenticator.configured,
    plans,
    changed: () => authenticator.forgetKeys(),
    logger,
  });
  const around = surroundings({
    version,
    image: parts.imageId,
    isolation: config.isolation.backend,
    reserveBytes: config.sessions.reserveBytes,
    dataDir: config.stores.dataDir,
    availableMemory,
    now,
  });
  const server = createServer({
    ...config.http,
    ...(gateways ? { gateways } : {}),
    version,
    plans,
    maxConnections: Math.floor(maxOpenFiles() / 2),
    authenticator,
    runnerInfo,
    face: signIns && { directory: facePath, signIns, startCode, shares },
    ...(areOff(plans) ? { openRate: null } : {}),
    dialects: createDialects({
      storedFiles: fileService,
      sessions,
      executions,
      executionWatch,
      toolRounds,
      namedRequests,
      kernels,
      states,
      commands,
      sandboxFiles,
      sandboxDomain: config.sandboxes.sandboxDomain,
      sessionTokens: new SessionTokens(await serviceSecret(records, 'session-tokens')),
      assistant,
      agent,
      usage,
      previews,
      drafts,
      shares,
      maxFileBytes,
      maxUploadFiles,
      uploadTimeoutMs: config.http.uploadTimeoutMs,
      keepsVariables: config.sessions.execKeepsVariables,
      runnerInfo,
      plans,
      operations,
      overview: new Overview({ runner, runnerInfo, admission, operations, faults, surroundings: around, now }),
      consumption: new Consumption({ records, usage, now }),
      keyAdministration,
      faults,
      surroundings: around,
      mcp: {
        ...config.mcp,
        origins: config.mcp.origins ?? [],
        version,
        shownChars: config.agent.shownChars,
        secret: await serviceSecret(records, 'mcp'),
      },
      logger,
      metrics,
      now,
      problem: problemOf,
    }),
    metrics,
    faults,
    logger,
    traces,
  });
  lifetime.add(async () => {
    runnerInfo.close();
    await server.close(shutdownDeadlineMs);
  });
  const { host, port } = await server.start(config.http.host, config.http.port);
  assistant.start();
  webhooks?.start();
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Descriptors that this process may have. */
function maxOpenFiles(): number {
  return Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? 1024);
}

/** Whether the operator has switched every rate limit off. */
function areOff(plans: Plans): boolean {
  return plans.values().every(({ rates }) => Object.values(rates).every((rate) => rate === null));
}
