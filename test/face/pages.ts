import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { ensureFace } from '../../scripts/launch/face.mjs';
import { startServer, type TestServer } from '../support/server.ts';
import { type ScriptedUpstream, startUpstream } from '../support/upstream.ts';

/** A real browser before a real service with a scripted model. */
export interface Face {
  readonly server: TestServer;
  readonly upstream: ScriptedUpstream;
  /** A page in a context of its own, signed in unless said otherwise, at a path below `/ui/`. */
  open(path?: string, options?: OpenOptions): Promise<Visit>;
  close(): Promise<void>;
}

interface OpenOptions extends BrowserContextOptions {
  readonly signedIn?: boolean;
  /** Outputs of hostile scenes break policies, as they should. */
  readonly hostile?: boolean;
}

interface Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Requests to any other host than the service, which must be none. */
  readonly foreign: readonly string[];
  /** Errors of the page's own scripts, and violations of its policy. */
  readonly faults: readonly string[];
}

const project = fileURLToPath(new URL('../..', import.meta.url));
const programs = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Starts all of it. @throws Error where there is no Chromium */
export async function startFace(): Promise<Face> {
  const program = programs.find((path) => existsSync(path));
  if (!program) throw new Error('Chromium is missing: install the package chromium, or run "npm test", which does.');
  await ensureFace(project);
  const upstream = await startUpstream();
  const server = await startServer({
    env: {
      DRAGOMAN_RATE_LIMITS: 'off',
      DRAGOMAN_SHARES: 'true',
      DRAGOMAN_UPSTREAM_PROVIDER: 'openai-compatible',
      DRAGOMAN_UPSTREAM_BASE_URL: upstream.baseUrl,
      DRAGOMAN_UPSTREAM_MODEL: 'scripted-model',
    },
  });
  const browser: Browser = await chromium.launch({
    executablePath: program,
    // Inside a container or as root the browser's own sandbox cannot start; what these pages show is hostile to pages, not to browsers.
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    ],
  });
  const cookie = await signIn(server);
  return {
    server,
    upstream,
    async open(path = '', { signedIn = true, hostile = false, ...options } = {}) {
      const context = await browser.newContext({
        viewport: { width: 1400, height: 900 },
        reducedMotion: 'reduce',
        ...options,
      });
      if (signedIn)
        await context.addCookies([
          { name: 'dragoman_ui', value: cookie, url: server.url, httpOnly: true, sameSite: 'Strict' },
        ]);
      const page = await context.newPage();
      const foreign: string[] = [];
      const faults: string[] = [];
      // A request that a policy stops is told as failed, for that reason; it never leaves the browser.
      const note = (url: string) => {
        const { origin, protocol } = new URL(url);
        if (origin !== server.url && !['data:', 'blob:', 'about:'].includes(protocol)) foreign.push(url);
      };
      context.on('requestfinished', (request) => note(request.url()));
      context.on('requestfailed', (request) => {
        if (!/^csp$|BLOCKED/.test(request.failure()?.errorText ?? '')) note(request.url());
      });
      page.on('pageerror', (error) => faults.push(String(error)));
      page.on('console', (message) => {
        if (!hostile && /Content Security Policy|Trusted/.test(message.text())) faults.push(message.text());
      });
      await page.goto(`${server.url}/ui/${path}`);
      return { page, context, foreign, faults };
    },
    async close() {
      await browser.close();
      await server.stop();
      await upstream.close();
    },
  };
}

/** As the page does it, without its form. Every context uses the one cookie, because attempts to sign in are counted. */
async function signIn({ url, key }: TestServer): Promise<string> {
  const headers = { 'x-api-key': key, 'x-dragoman-ui': '1' };
  const answer = await fetch(`${url}/v1/auth/session`, { method: 'POST', headers });
  const cookie = /^dragoman_ui=([^;]+)/.exec(answer.headers.get('set-cookie') ?? '')?.[1];
  if (cookie === undefined) throw new Error(`sign-in: ${answer.status} ${await answer.text()}`);
  return cookie;
}
