import type { AgentRequest } from '../../agent/index.ts';
import type { Principal } from '../../core/index.ts';
import type { Attachment } from '../files/attachments.ts';
import type { Citable } from '../responses/citations.ts';
import type { Workplace, WorkplaceRequest } from '../workplace.ts';

type StoredAttachment = Omit<Attachment, 'source'> & {
  readonly source: Exclude<Attachment['source'], { bytes: Buffer }> | { readonly base64: string };
};

/**
 * What a background response is made from: everything that another process needs and cannot find out again, as plain data. The caller's own
 * key for a provider is left out: credentials of callers are never stored.
 */
export interface ResponsePlan {
  readonly principal: Principal;
  readonly request: Omit<AgentRequest, 'code' | 'upstreamKey'>;
  readonly hadKey: boolean;
  readonly code?: { readonly wallMs: number | undefined; readonly maxCalls: number | undefined } | undefined;
  readonly workplace?: (Omit<WorkplaceRequest, 'files'> & { readonly files: readonly StoredAttachment[] }) | undefined;
  readonly conversationId: string | undefined;
  readonly earlierSession: string | undefined;
  readonly uncited: readonly Citable[];
}

export interface Planned {
  readonly principal: Principal;
  readonly request: AgentRequest;
  readonly workplace: Workplace | undefined;
  readonly conversationId: string | undefined;
  readonly earlierSession: string | undefined;
  readonly uncited: readonly Citable[];
}

export function planOfResponse({ principal, request, workplace, ...rest }: Planned): ResponsePlan {
  const { code, upstreamKey, ...asked } = request;
  const { tenant, id, name, authContext, plan } = principal;
  return {
    ...rest,
    // The rights of an operator are not kept.
    principal: { tenant, id, name, authContext, plan },
    request: asked,
    hadKey: upstreamKey !== undefined,
    code: code && { wallMs: code.wallMs, maxCalls: code.maxCalls },
    workplace: workplace && { ...workplace.request, files: workplace.request.files.map(storedAttachment) },
  };
}

/** Where code runs: in the session that it has used, if it has used one. */
export function workplaceRequest(plan: ResponsePlan, usedSession: string | undefined): WorkplaceRequest | undefined {
  const { workplace } = plan;
  if (!workplace) return undefined;
  const files = workplace.files.map(attachmentOf);
  return { ...workplace, earlier: usedSession ?? workplace.earlier, files };
}

/** The request for the agent, as it was asked. */
export function agentRequestOf({ request, code }: ResponsePlan, workplace: Workplace | undefined): AgentRequest {
  return {
    ...request,
    upstreamKey: undefined,
    code: code &&
      workplace && {
        ...code,
        session: () => workplace.session(),
        files: workplace.files,
        fileNotes: workplace.notes,
      },
  };
}

function storedAttachment({ source, ...file }: Attachment): StoredAttachment {
  return { ...file, source: 'bytes' in source ? { base64: source.bytes.toString('base64') } : source };
}

function attachmentOf({ source, ...file }: StoredAttachment): Attachment {
  return { ...file, source: 'base64' in source ? { bytes: Buffer.from(source.base64, 'base64') } : source };
}
