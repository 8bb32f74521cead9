import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { DragomanError, type Plans, planOf, secretHash } from '../../core/index.ts';
import type { RunnerInfo, SignIns } from '../../service/index.ts';
import type { Authenticator } from '../authentication/authenticator.ts';
import { readCredential } from '../authentication/credential.ts';
import { isOwnPage, signInCookies, signInSecret } from '../authentication/sign-in-cookie.ts';
import { networkOf, presentedBy } from '../known-callers.ts';
import { type Operation, problems } from '../operation.ts';
import type { RateLimiter } from '../rate-limiter.ts';
import type { StartCode } from './start-code.ts';

export interface SignInOptions {
  readonly authenticator: Authenticator;
  readonly signIns: SignIns;
  readonly startCode?: StartCode | undefined;
  readonly runnerInfo: Pick<RunnerInfo, 'languages' | 'usualWallMs'>;
  readonly plans: Plans;
  readonly version: string;
  readonly limiter: RateLimiter;
  readonly shares?: unknown;
}

/** A body would be read before its sender is known, so the secret comes in a header. */
const headers = z.object({
  'x-api-key': z.string().optional().describe('An API key.'),
  'x-dragoman-start': z
    .string()
    .optional()
    .describe('Instead of it the code that the service printed when it started.'),
  'x-dragoman-ui': z.literal('1'),
});

const language = z.object({
  name: z.string(),
  title: z.string(),
  aliases: z.array(z.string()),
  keeps_variables: z.boolean(),
});

const whoAnswer = z
  .object({
    principal: z.string(),
    open: z.boolean().describe('The service asks for no credential.'),
    rights: z.array(z.enum(['use', 'admin'])).describe('`use`: what is its own; `admin`: what others run, and keys.'),
    shares: z.boolean().describe('Notebooks can be shared by a link.'),
    plan: z.string(),
    limits: z.object({ memory_bytes: z.int(), timeout_ms: z.int(), longest_timeout_ms: z.int() }),
    languages: z.array(language),
    version: z.string(),
  })
  .meta({ id: 'SignedIn' });

/** Attempts in a minute from one address. */
const tries = { exec: null, upload: null, download: null, list: { count: 10, periodMs: 60_000 } };

/** `/auth/session`: a browser signs in with an API key, asks who it is, and signs out. */
export function addSignIn(app: FastifyInstance, options: SignInOptions): void {
  const { authenticator, signIns, startCode, limiter } = options;

  const keyHashOf = (request: FastifyRequest): string => {
    const code = request.headers['x-dragoman-start'];
    if (typeof code !== 'string') {
      const credential = readCredential(presentedBy(request));
      if (!credential) throw new DragomanError('unauthorized');
      return secretHash(credential.secret);
    }
    const hash = startCode?.take(code, request.ip);
    if (hash === undefined)
      throw new DragomanError('unauthorized', {
        message: 'The code is used up, too old, or unknown. Sign in with an API key.',
      });
    return hash;
  };

  app.post('/auth/session', { config: { operation: signInOperation } }, async (request, reply) => {
    const wait = limiter.take(networkOf(request.ip), tries, 'list');
    if (wait > 0)
      throw new DragomanError('rate_limited', {
        message: `Too many attempts to sign in; try again in ${wait} s.`,
        retryAfterSeconds: wait,
      });
    if (!isOwnPage(presentedBy(request)))
      throw new DragomanError('unauthorized', { message: 'Only pages of this service can sign in.' });
    if (authenticator.isOpen) return reply.code(204).send();
    const hash = keyHashOf(request);
    const principal = await authenticator.authenticateHash(hash);
    const earlier = signInSecret(request.headers);
    if (earlier !== undefined) await signIns.end(earlier);
    const secret = await signIns.begin(principal, hash);
    return reply
      .code(204)
      .header('set-cookie', signInCookies(request.headers, secret, Math.floor(signIns.lifeMs / 1000)))
      .send();
  });

  app.delete('/auth/session', { config: { operation: signOutOperation } }, async (request, reply) => {
    const secret = signInSecret(request.headers);
    if (secret !== undefined && isOwnPage(presentedBy(request))) await signIns.end(secret);
    return reply
      .code(204)
      .header('set-cookie', signInCookies(request.headers, undefined, 0))
      .send();
  });

  app.get('/auth/session', { config: { operation: whoOperation } }, async (request, reply) => {
    const principal = await authenticator.authenticate(presentedBy(request));
    const plan = planOf(options.plans, principal);
    const languages = (await options.runnerInfo.languages()).map(({ name, title, aliases, keepsVariables }) => ({
      name,
      title,
      aliases,
      keeps_variables: keepsVariables,
    }));
    return reply.header('cache-control', 'no-store').send({
      principal: principal.name,
      open: authenticator.isOpen,
      rights: principal.isAdmin ? ['use', 'admin'] : ['use'],
      shares: options.shares !== undefined,
      plan: principal.plan ?? 'default',
      limits: {
        memory_bytes: plan.limits.memoryBytes,
        timeout_ms: await options.runnerInfo.usualWallMs(plan),
        longest_timeout_ms: plan.maxWallMs,
      },
      languages,
      version: options.version,
    });
  });
}

const signInOperation: Operation = {
  id: 'signIn',
  summary: 'Sign a browser in with an API key',
  description: 'Sets a cookie that only pages of this service can use; it holds a random secret, never the key.',
  headers,
  answers: { ...problems(400, 401, 429, 500, 503), 204: { description: 'It is signed in.' } },
  open: true,
};

const signOutOperation: Operation = {
  id: 'signOut',
  summary: 'Sign the browser out',
  answers: { ...problems(429, 500, 503), 204: { description: 'It is signed out.' } },
  open: true,
};

const whoOperation: Operation = {
  id: 'whoAmI',
  summary: 'Who the caller is, and what its plan and this service offer',
  answers: {
    ...problems(400, 401, 429, 500, 503),
    200: {
      description: 'What a page needs to begin.',
      content: {
        type: 'application/json',
        schema: whoAnswer,
        example: {
          principal: 'default',
          open: false,
          rights: ['use'],
          shares: false,
          plan: 'default',
          limits: { memory_bytes: 536_870_912, timeout_ms: 30_000, longest_timeout_ms: 300_000 },
          languages: [{ name: 'python', title: 'Python', aliases: ['py'], keeps_variables: true }],
          version: '0.2.0',
        },
      },
    },
  },
};
