import { z } from 'zod';
import type { AssistantPart, KeptCall } from '../../../agent/index.ts';
import type { Principal } from '../../../core/index.ts';
import type { DialectContext } from '../../../http/index.ts';
import { ownDocument } from '../documents.ts';
import { ownId } from '../ids.ts';

/**
 * What a model did before it called functions of the client's. The client's history holds the calls alone, so the rest is kept
 * here, by the id of the first call.
 */
export interface Steps {
  readonly parts: readonly AssistantPart[];
  /** The session code ran in. */
  readonly sessionId: string | null;
}

const kind = 'openai_chat_steps';

const text = z.object({ type: z.enum(['text', 'reasoning']), text: z.string() });
/** The agent's, and nobody else's to look into. */
const kept = z.custom<KeptCall>((value) => value === undefined || typeof value === 'object').optional();
const functionCall = z.object({
  type: z.literal('function_call'),
  callId: z.string(),
  name: z.string(),
  arguments: z.string(),
  kept,
});
const codeCall = z.object({
  type: z.literal('code_call'),
  callId: z.string(),
  code: z.string(),
  shown: z.string(),
  kept,
});
const body = z.object({
  parts: z.array(z.discriminatedUnion('type', [text, functionCall, codeCall])),
  sessionId: z.string().nullable(),
});

/** @param callId the wire's id of the first call, one of ours */
export async function keepSteps(
  { documents, now, retentionMs }: DialectContext,
  principal: Principal,
  callId: string,
  steps: Steps,
): Promise<void> {
  const { tenant, id: principalId } = principal;
  const createdAt = now();
  const id = ownId('call', callId)!;
  await documents.put({
    kind,
    id,
    tenant,
    principalId,
    name: null,
    createdAt,
    expiresAt: createdAt + retentionMs,
    body: steps,
  });
}

/** The steps before a call, if any are kept; the caller's own. */
export async function findSteps(
  context: DialectContext,
  principal: Principal,
  callId: string,
): Promise<Steps | undefined> {
  const id = ownId('call', callId);
  const document = id && (await ownDocument(context, principal, kind, id));
  return document ? (body.parse(document.body) as Steps) : undefined;
}
