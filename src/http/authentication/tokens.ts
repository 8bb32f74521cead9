import { errors, jwtVerify } from 'jose';
import { z } from 'zod';
import { DragomanError, type Plans, type Principal } from '../../core/index.ts';
import type { TokenAlgorithm, TokenKeys } from './token-keys.ts';

export interface TokenRules {
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms: readonly TokenAlgorithm[];
  /** Refuses tokens without `tenant_id` instead of giving them the tenant `legacy`. */
  readonly requireTenant: boolean;
}

const skewSeconds = 30;
const longestLifeSeconds = 300;

const identifier = z
  .string()
  .regex(/^\P{Cc}{1,256}$/u)
  .refine((value) => value.isWellFormed());

/** The claims of a LibreChat token beyond issuer and audience. */
const claimsSchema = z
  .object({
    sub: identifier,
    iat: z.number(),
    nbf: z.number(),
    exp: z.number(),
    jti: z.string().min(1).max(256),
    principal_source: z.enum(['librechat_jwt', 'openid_reuse']),
    auth_context_hash: z.string().min(1).max(1024),
    tenant_id: identifier.optional(),
    plan_id: z.unknown().optional(),
  })
  .refine(({ iat, exp }) => exp > iat && exp - iat <= longestLifeSeconds, { path: ['exp'] });

/**
 * Makes the function that turns a LibreChat token into its principal.
 * It throws DragomanError unauthorized, whatever is wrong with the token (`cause` says what, without repeating any of it),
 * and internal when the keys cannot be had.
 */
export function tokenVerifier(
  rules: TokenRules,
  keys: TokenKeys,
  plans: Pick<Plans, 'has'>,
  now: () => number,
): (token: string) => Promise<Principal> {
  const { issuer, audience } = rules;
  const algorithms = [...rules.algorithms];
  return async (token) => {
    const currentDate = new Date(now());
    const { payload, protectedHeader } = await jwtVerify(token, keys.find, {
      issuer,
      audience,
      algorithms,
      clockTolerance: skewSeconds,
      currentDate,
    }).catch((error) => {
      throw error instanceof DragomanError ? error : refusal(reasonOf(error));
    });
    if (typeof protectedHeader.kid !== 'string') throw refusal('no kid');
    if (protectedHeader.typ !== undefined && protectedHeader.typ !== 'JWT') throw refusal('typ');
    const claims = claimsSchema.safeParse(payload);
    if (!claims.success) throw refusal(`claim ${claims.error.issues.map(({ path }) => path.join('.')).join(', ')}`);
    const { sub, iat, tenant_id, plan_id: plan, auth_context_hash: authContext } = claims.data;
    if (iat > currentDate.getTime() / 1000 + skewSeconds) throw refusal('claim iat');
    if (tenant_id === undefined && rules.requireTenant) throw refusal('claim tenant_id');
    // The tenant is encoded so that no pair of tenant and subject can spell another pair.
    const tenant = encodeURIComponent(tenant_id ?? 'legacy');
    const principal = { id: `jwt:${tenant}:${sub}`, tenant: `jwt:${tenant}`, name: sub, authContext };
    // LibreChat names plans for purposes of its own: those we have no limits for get the default ones.
    return typeof plan === 'string' && plans.has(plan) ? { ...principal, plan } : principal;
  };
}

function refusal(reason: string): DragomanError {
  return new DragomanError('unauthorized', { message: 'Invalid bearer token', cause: new Error(reason) });
}

function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired)
    return `claim ${error.claim}`;
  return error instanceof errors.JOSEError ? error.code : 'malformed';
}
