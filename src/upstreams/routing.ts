import { DragomanError } from '../core/index.ts';
import type { UpstreamOptions } from './upstreams.ts';

/** Where a model is. */
export interface Route {
  readonly upstream: UpstreamOptions;
  /** The provider's own name for it. */
  readonly model: string;
  /** As callers may name it again. */
  readonly id: string;
}

/** The id callers name a provider's model by. */
export const idOf = (upstream: UpstreamOptions, model: string): string =>
  upstream.name === '' ? model : `${upstream.name}/${model}`;

/**
 * Finds a model by what a caller calls it: an alias, `upstream/model`, a model that an upstream lists, and else the unnamed
 * upstream, or the only one. `default` is the default model unless a model has this name.
 * @throws DragomanError invalid_request, model_not_found
 */
export function route(
  upstreams: readonly UpstreamOptions[],
  defaultModel: string | undefined,
  name: string | undefined,
): Route {
  if (upstreams.length === 0)
    throw new DragomanError('invalid_request', {
      message:
        'This server has no model: its operator must set DRAGOMAN_UPSTREAM_PROVIDER and DRAGOMAN_UPSTREAM_BASE_URL, or DRAGOMAN_UPSTREAMS.',
    });
  const named = name === defaultName && !isListed(upstreams, defaultName) ? undefined : name;
  const asked = named ?? defaultModel ?? firstListed(upstreams) ?? name;
  if (asked === undefined)
    throw new DragomanError('invalid_request', {
      message: 'Name a model: this server has no default one (DRAGOMAN_UPSTREAM_MODEL).',
    });
  const found = find(upstreams, asked);
  if (!found) throw new DragomanError('model_not_found', { message: `The model '${asked}' does not exist.` });
  return found;
}

/** A name for the default model, for clients that must name one. */
const defaultName = 'default';

function isListed(upstreams: readonly UpstreamOptions[], name: string): boolean {
  return upstreams.some(({ aliases, models }) => Object.hasOwn(aliases, name) || models?.includes(name));
}

function find(upstreams: readonly UpstreamOptions[], asked: string): Route | undefined {
  const at = (upstream: UpstreamOptions, model: string): Route => ({ upstream, model, id: idOf(upstream, model) });
  for (const upstream of upstreams)
    if (Object.hasOwn(upstream.aliases, asked)) return at(upstream, upstream.aliases[asked]!);
  const slash = asked.indexOf('/');
  const named = slash > 0 && upstreams.find(({ name }) => name === asked.slice(0, slash));
  if (named) {
    const rest = asked.slice(slash + 1);
    const model = Object.hasOwn(named.aliases, rest) ? named.aliases[rest]! : rest;
    return model !== '' && serves(named, model) ? at(named, model) : undefined;
  }
  const listing = upstreams.find(({ models }) => models?.includes(asked));
  if (listing) return at(listing, asked);
  const open = upstreams.find(({ name }) => name === '') ?? (upstreams.length === 1 ? upstreams[0] : undefined);
  return open && serves(open, asked) ? at(open, asked) : undefined;
}

const serves = ({ models }: UpstreamOptions, model: string): boolean => models === undefined || models.includes(model);

function firstListed(upstreams: readonly UpstreamOptions[]): string | undefined {
  const upstream = upstreams.find(({ models }) => models !== undefined);
  return upstream && idOf(upstream, upstream.models![0]!);
}
