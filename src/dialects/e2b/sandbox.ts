import type { FastifyRequest } from 'fastify';
import { type Principal, planOf } from '../../core/index.ts';
import type { NewSession, SessionInfo } from '../../service/index.ts';
import type { measured } from '../sandboxes/usage.ts';
import { WireError } from './errors.ts';
import { sandboxId } from './ids.ts';
import type { E2BServices } from './services.ts';
import type { CreateBody } from './wire.ts';

/** Marks the sessions of this API. */
export const face = 'e2b';
/** Clients choose what they do by it: this one has uploads as bytes and closes inputs, and keeps no metadata of files. */
const envdVersion = '0.6.1';
const clientID = 'dragoman';
const templates = ['code-interpreter-v1', 'base'];

/** What tokens are for: the plane of commands and files, and everything that reaches a sandbox. */
export const envdToken = 'e2b envd';
export const trafficToken = 'e2b traffic';

/** What is kept of a sandbox beside its session. */
export interface Notes {
  readonly template: string;
  readonly env: Readonly<Record<string, string>>;
  readonly metadata: Readonly<Record<string, string>>;
  /** It is paused, and had so many milliseconds left. */
  readonly pausedMs?: number | undefined;
}

export const notesOf = ({ notes }: SessionInfo) => notes as unknown as Notes;

/** Whether a template exists, with or without a tag. */
export const isTemplate = (name: string) => templates.includes(name.split(':')[0]!);

/** @throws WireError for what a sandbox here cannot be given */
export function toNewSession(body: CreateBody, now: number, defaultSeconds: number): NewSession {
  const { templateID, timeout, metadata, envVars, autoPause, network, volumeMounts, mcp, iam } = body;
  if (!isTemplate(templateID)) throw new WireError(404, `template '${templateID.slice(0, 128)}' not found`);
  if (autoPause) throw new WireError(400, 'autoPause: a sandbox ends at its time, it is not paused by itself');
  if (volumeMounts?.length)
    throw new WireError(400, 'volumeMounts: a sandbox has no volumes; upload the files instead');
  if (mcp && Object.keys(mcp).length > 0) throw new WireError(400, 'mcp: sandboxes have no network for servers');
  if (iam && Object.keys(iam).length > 0) throw new WireError(400, 'iam: sandboxes have no identity outside');
  checkNetwork(network ?? {});
  const lifeMs = Math.max(1000, (timeout ?? defaultSeconds) * 1000);
  const notes: Notes = { template: templateID, env: envVars ?? {}, metadata: metadata ?? {} };
  return { face, notes: { ...notes }, endsAt: now + lifeMs, idleMs: lifeMs };
}

/** Rules that only deny say what is so anyway. @throws WireError */
export function checkNetwork(rules: Readonly<Record<string, unknown>>): void {
  const allowing = Object.entries(rules).find(
    ([name, value]) => name !== 'denyOut' && name !== 'deny_out' && isGiven(value) && !denies(name, value),
  );
  if (allowing)
    throw new WireError(
      400,
      `network.${allowing[0].slice(0, 64)}: sandboxes have no network, so nothing can be allowed`,
    );
}

const isGiven = (value: unknown) =>
  value !== undefined && value !== null && !(typeof value === 'object' && Object.keys(value).length === 0);
/** Whether the sandbox is reached from outside makes no difference: it has no ports. */
const denies = (name: string, value: unknown) =>
  name === 'allowPublicTraffic' || name === 'allow_public_traffic' || value === false;

const vendors = /(?:^|\.)(?:e2b\.(?:app|dev|pro)|e2b-staging\.dev)(?::\d+)?$/i;

/**
 * What clients build the host names of sandboxes on. It is always told, and never the vendor's: without it a client would send code
 * and tokens there.
 */
export function domainOf({ sandboxDomain }: Pick<E2BServices, 'sandboxDomain'>, { headers, socket }: FastifyRequest) {
  const host = (headers.host ?? '').replace(/^api\./i, '').toLowerCase();
  const [, name = '', port = ''] = /^(\[[^\]]*\]|[^:]*)(:\d+)?$/.exec(host) ?? [];
  const isAddress = name === '' || name.startsWith('[') || /^[\d.]+$/.test(name);
  const local = `localhost${port || `:${socket.localPort}`}`;
  const domain = sandboxDomain ?? (isAddress ? local : host);
  return vendors.test(domain) ? local : domain;
}

export function sandboxAnswer(services: E2BServices, info: SessionInfo, request: FastifyRequest) {
  const { template } = notesOf(info);
  return {
    sandboxID: sandboxId(info.id),
    templateID: template,
    alias: template.split(':')[0]!,
    clientID,
    envdVersion,
    envdAccessToken: services.sessionTokens.make(envdToken, info.id),
    trafficAccessToken: services.sessionTokens.make(trafficToken, info.id),
    domain: domainOf(services, request),
  };
}

const mebibyte = 1024 ** 2;

export function detailAnswer(services: E2BServices, info: SessionInfo, principal: Principal) {
  const { template, metadata } = notesOf(info);
  const { limits } = planOf(services.plans, principal);
  return {
    sandboxID: sandboxId(info.id),
    templateID: template,
    alias: template.split(':')[0]!,
    clientID,
    startedAt: isoTime(info.createdAt),
    endAt: isoTime(info.expiresAt),
    cpuCount: Math.max(1, Math.round(limits.cpus)),
    memoryMB: Math.round(info.memoryBytes / mebibyte),
    diskSizeMB: Math.round(limits.workspaceBytes / mebibyte),
    metadata,
    state: stateOf(info),
    envdVersion,
  };
}

/** The vendor's shape: sizes in bytes. What is cached is not told apart. */
export function metricsAnswer({ limits, ...used }: Awaited<ReturnType<typeof measured>>, at: number) {
  return {
    timestamp: isoTime(at),
    timestampUnix: Math.floor(at / 1000),
    cpuCount: Math.max(1, Math.round(limits.cpus)),
    cpuUsedPct: used.cpuPercent,
    memUsed: used.memoryBytes,
    memTotal: limits.memoryBytes,
    memCache: 0,
    diskUsed: used.workspaceBytes ?? 0,
    diskTotal: limits.workspaceBytes,
  };
}

export const stateOf = (info: SessionInfo) => (notesOf(info).pausedMs === undefined ? 'running' : 'paused');

const isoTime = (ms: number) => new Date(ms).toISOString();
