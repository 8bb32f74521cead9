import { randomBytes } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestAsyncHookHandler } from 'fastify';
import { DragomanError } from '../../core/index.ts';
import { sendShared } from '../shared-answer.ts';
import { type Assets, readAssets } from './assets.ts';
import { framePolicy, pageHeaders, pagePolicy } from './policies.ts';

/** Where the face is mounted. */
const root = '/ui/';

export interface PageOptions {
  /** Folder of what was built. */
  readonly directory: string;
  readonly admit: onRequestAsyncHookHandler;
}

const unbuilt = 'The pages are not built. Run "npm start", or "node web/build.mjs", and load this page again.';

/** Serves the face: the application at every address below `/ui/`, its files, and the two frames that show what programs made. */
export function addPages(app: FastifyInstance, { directory, admit }: PageOptions): void {
  let found: Assets | undefined;
  const assets = async () => {
    found ??= await readAssets(directory);
    return found;
  };
  app.get('/', { onRequest: admit }, (_request, reply) => reply.redirect(root, 302));
  app.get('/ui', { onRequest: admit }, (_request, reply) => reply.redirect(root, 302));
  app.get(`${root}*`, { onRequest: admit }, async (request, reply) => {
    const built = await assets();
    if (!built) return reply.code(503).headers(pageHeaders).type('text/plain; charset=utf-8').send(unbuilt);
    const path = (request.params as { '*': string })['*'];
    if (path === 'frame/still' || path === 'frame/live')
      return sendFrame(reply, built, path === 'frame/still' ? 'still' : 'live');
    if (path.startsWith('assets/')) return sendAsset(request, reply, built, path.slice('assets/'.length));
    return sendShell(reply, built);
  });
}

async function sendAsset(request: FastifyRequest, reply: FastifyReply, assets: Assets, name: string) {
  const answer = await assets.get(name);
  if (!answer) throw new DragomanError('not_found');
  // Frames have an origin of their own, and still load these. The files hold nothing secret.
  reply.header('cross-origin-resource-policy', 'cross-origin');
  return sendShared(request, reply, answer, 'public, max-age=31536000, immutable');
}

function sendShell(reply: FastifyReply, { shell }: Assets) {
  const nonce = newNonce();
  return reply
    .headers(pageHeaders)
    .header('cross-origin-opener-policy', 'same-origin')
    .header('content-security-policy', pagePolicy(nonce))
    .type('text/html; charset=utf-8')
    .send(shell.replaceAll('__NONCE__', nonce));
}

function sendFrame(reply: FastifyReply, { frameScripts }: Assets, kind: 'still' | 'live') {
  const nonce = newNonce();
  const { frame, plotly } = frameScripts;
  // A policy that lets inline scripts run ignores nonces, and no address but data: and blob: is allowed there: our script is inline.
  const script =
    kind === 'still'
      ? `<script nonce="${nonce}" src="${root}${frame}" data-plotly="${root}${plotly}"></script>`
      : `<script>${liveScript}</script>`;
  return reply
    .headers(pageHeaders)
    .header('content-security-policy', framePolicy(kind, nonce))
    .type('text/html; charset=utf-8')
    .send(`<!doctype html><meta charset="utf-8"><title>Output</title><body>${script}</body>`);
}

/** Takes the output once, from the page that holds the frame, and tells its height. */
const liveScript = `
addEventListener('message', function take(event) {
  if (event.source !== parent || !event.data || event.data.t !== 'show') return;
  removeEventListener('message', take);
  document.open();
  document.write(String(event.data.html));
  document.close();
  var tell = function () { parent.postMessage({ t: 'height', px: document.documentElement.scrollHeight }, '*'); };
  addEventListener('load', tell);
  setTimeout(tell, 50);
  new ResizeObserver(tell).observe(document.documentElement);
});
parent.postMessage({ t: 'ready' }, '*');
`;

const newNonce = () => randomBytes(16).toString('base64url');
