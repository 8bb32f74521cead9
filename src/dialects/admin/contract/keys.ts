import { z } from 'zod';
import type { Route } from '../../../http/index.ts';
import { json, limit, refusals, time } from './shared.ts';

const rights = z
  .array(z.enum(['use', 'admin']))
  .min(1)
  .describe('`use`, which every key has, and perhaps `admin`.');
const keyId = z
  .string()
  .regex(/^[A-Za-z0-9._:-]{1,128}$/)
  .describe('As the list tells it.');
const plan = z.string().min(1).max(64);

const key = z.object({
  id: z.string(),
  name: z.string(),
  owner_id: z.string().describe('Whose its files, sessions and use are, as `owner.id` elsewhere.'),
  source: z.enum(['data_directory', 'configuration']).describe('Those of the configuration are changed there alone.'),
  rights,
  plan: z.string(),
  created_at: time.nullable(),
  revoked_at: time.nullable(),
});
const keyAnswer = key.meta({ id: 'ApiKey' });
const madeKey = key
  .extend({ secret: z.string().describe('Shown this once: only its hash is kept.') })
  .meta({ id: 'NewApiKey' });

const example = {
  id: 'Qy3kZr0vXc7TgWbN5mLpA',
  name: 'alice',
  owner_id: 'key:Qy3kZr0vXc7TgWbN5mLpA',
  source: 'data_directory',
  rights: ['use'],
  plan: 'default',
  created_at: '2026-01-02T03:04:05.000Z',
  revoked_at: null,
} as const;
const params = z.object({ key_id: keyId });

export const keyRoutes = {
  list: {
    id: 'listKeys',
    method: 'GET',
    url: '/admin/keys',
    rateClass: 'list',
    summary: 'All API keys, without their secrets',
    query: z.object({
      limit: limit(200, 50),
      after: keyId.optional().describe('Id of the last key of the page before.'),
      revoked: z.enum(['true', 'false']).optional().describe('With `true` those that were revoked, too.'),
    }),
    answers: {
      ...refusals(),
      200: json(
        'Those of the configuration first, then the newest first.',
        z.object({
          data: z.array(keyAnswer),
          has_more: z.boolean(),
          plans: z.array(z.string()).describe('Plans that a key may have.'),
        }),
        { data: [example], has_more: false, plans: ['default'] },
      ),
    },
  },
  create: {
    id: 'createKey',
    method: 'POST',
    url: '/admin/keys',
    rateClass: 'list',
    summary: 'Make a key',
    body: {
      type: 'application/json',
      schema: z
        .object({
          name: z.string().describe('1 to 64 letters, digits, ".", "_" or "-"; no other live key has it.'),
          plan: plan.nullish().describe('Absent: the default one.'),
          rights: rights.optional().describe('Absent: `use`.'),
        })
        .meta({ id: 'ApiKeyRequest' }),
      example: { name: 'alice', plan: 'default', rights: ['use'] },
    },
    answers: {
      ...refusals(408, 413, 415),
      201: json('The key with its secret.', madeKey, { ...example, secret: 'dgm_…' }),
    },
  },
  update: {
    id: 'updateKey',
    method: 'PATCH',
    url: '/admin/keys/:key_id',
    rateClass: 'list',
    summary: 'Give a key another plan or other rights',
    params,
    body: {
      type: 'application/json',
      schema: z.object({ plan: plan.optional(), rights: rights.optional() }).meta({ id: 'ApiKeyChange' }),
      example: { plan: 'default' },
    },
    answers: { ...refusals(404, 408, 409, 413, 415), 200: json('The key.', keyAnswer, example) },
  },
  revoke: {
    id: 'revokeKey',
    method: 'DELETE',
    url: '/admin/keys/:key_id',
    rateClass: 'list',
    summary: 'End a key, and the browsers that signed in with it',
    description:
      'What it runs goes on; its files and sessions stay until they expire. The last key with the right `admin` cannot be revoked.',
    params,
    answers: { ...refusals(404, 408, 409, 413, 415), 204: { description: 'It is refused from now on.' } },
  },
} satisfies Record<string, Route>;
