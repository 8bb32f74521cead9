import { DragomanError, type Principal } from '../../../core/index.ts';
import type { DialectContext } from '../../../http/index.ts';
import type { NewSession, SessionInfo, Sessions } from '../../../service/index.ts';
import { memorySettings, useContainer } from '../containers/container.ts';
import { ownId, wireId } from '../ids.ts';
import { type Asset, openAsset, placeAssets } from './assets.ts';
import type { Container } from './request.ts';

/** Where the code of one request runs. */
export interface Workplace {
  /** Files that are there when code begins, by path. */
  readonly files: readonly string[];
  /** The container of earlier code is gone: the model must know. */
  readonly isLost: boolean;
  pathOf(asset: Asset): string | undefined;
  /** The session, made and filled when it is first asked for. */
  session(): Promise<string>;
}

/** Of a session: the digests of what was put in, so that a conversation that is sent again does not put it in twice. */
const digestsKey = 'openai_inputs';
const digestLength = 12;
/** What a session's note has room for. */
const maxDigests = 38;

/**
 * Chooses the container: the one that is named, the one of earlier code, or a new one.
 * @param earlier the container of the newest code before this
 * @throws WireError 404 or 400 when the one that is named is not there or expired
 */
export async function chooseWorkplace(
  context: DialectContext,
  principal: Principal,
  container: Container | null | undefined,
  earlier: string | undefined,
  assets: readonly Asset[],
): Promise<Workplace> {
  const { sessions } = context;
  const found =
    typeof container === 'string'
      ? await useContainer(context, principal, container)
      : earlier === undefined
        ? undefined
        : await liveSession(sessions, principal, earlier);
  const files = found ? await sessions.files(principal, found.id) : [];
  const known = new Set(digestsOf(found));
  const missing = assets.filter(({ digest }) => !known.has(short(digest)));
  const placed = placeAssets(missing, new Map(files.map(({ name, digest }) => [name, digest])));
  const paths = new Map(placed.map(({ asset, path }) => [asset, path]));
  const memoryLimit = typeof container === 'object' ? container?.memory_limit : undefined;
  const making = { context, principal, placed, found, settings: memorySettings(memoryLimit) };
  let session: Promise<string> | undefined;
  return {
    files: [...new Set([...files.map(({ name }) => name), ...paths.values()])],
    isLost: earlier !== undefined && found === undefined,
    pathOf: (asset) => paths.get(asset) ?? asset.name,
    session: () => {
      session ??= makeReady(making);
      return session;
    },
  };
}

async function liveSession(
  sessions: Sessions,
  principal: Principal,
  container: string,
): Promise<SessionInfo | undefined> {
  const id = ownId('container', container);
  if (id === undefined) return undefined;
  try {
    const session = await sessions.get(principal, id);
    return session.state === 'expired' ? undefined : session;
  } catch (error) {
    if (isCode(error, 'not_found')) return undefined;
    throw error;
  }
}

interface Making {
  readonly context: DialectContext;
  readonly principal: Principal;
  readonly placed: readonly { readonly asset: Asset; readonly path: string }[];
  readonly found: SessionInfo | undefined;
  readonly settings: NewSession;
}

async function makeReady({ context, principal, placed, found, settings }: Making): Promise<string> {
  const { sessions } = context;
  const session = found ?? (await sessions.create(principal, settings));
  try {
    for (const { asset, path } of placed) {
      const { source, contentType } = asset;
      if ('ref' in source) await sessions.copyFile(principal, session.id, { ...source.ref, path });
      else {
        const content = await openAsset(context, principal, asset);
        await sessions.putFile(principal, session.id, { name: path, contentType, content });
      }
    }
    if (placed.length > 0) {
      const digests = [...digestsOf(session), ...placed.map(({ asset }) => short(asset.digest))].slice(-maxDigests);
      const metadata = { ...session.metadata, [digestsKey]: digests.join(' ') };
      await sessions.update(principal, session.id, { metadata });
    }
  } catch (error) {
    // Nobody has heard of it yet.
    if (!found) await sessions.delete(principal, session.id).catch(() => {});
    throw error;
  }
  return session.id;
}

function digestsOf(session: SessionInfo | undefined): string[] {
  return session?.metadata[digestsKey]?.split(' ') ?? [];
}

function short(digest: string): string {
  return digest.slice(0, digestLength);
}

function isCode(error: unknown, code: DragomanError['code']): boolean {
  return error instanceof DragomanError && error.code === code;
}

export function containerIdOf(sessionId: string): string {
  return wireId('container', sessionId);
}
