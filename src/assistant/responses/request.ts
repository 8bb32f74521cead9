import type { AgentRequest, Resumption } from '../../agent/index.ts';
import type { Principal, ToolResult } from '../../core/index.ts';
import type { NewSession, Sessions } from '../../service/index.ts';
import type { Attachments, NamedFile } from '../files/attachments.ts';
import { modelParts, plainPart } from '../files/model-parts.ts';
import { type Item, isOfModel, type Part } from '../items.ts';
import { Refusal } from '../refusal.ts';
import { Workplace } from '../workplace.ts';
import { answeredCount, checkCalls, type History, type HistoryRequest } from './history.ts';
import { toMessages } from './messages.ts';
import type { WaitingCode } from './waiting-code.ts';

/** The code interpreter as one request wants it. */
export interface CodeRequest {
  /** A session the client names. */
  readonly sessionId?: string | undefined;
  /** Uploaded files for it. */
  readonly files: readonly NamedFile[];
  /** What a new session is made with. */
  readonly settings: Omit<NewSession, 'files'>;
  /** Limit of one run in milliseconds; absent: the plan's. */
  readonly wallMs?: number | undefined;
  readonly maxCalls?: number | undefined;
}

/** A response that shall be made. */
export interface ResponseRequest extends HistoryRequest {
  /** Goes on from everything in it, and is added to it. Excludes `previousId`. */
  readonly conversationId?: string | undefined;
  readonly instructions?: string | undefined;
  readonly code?: CodeRequest | undefined;
  /** Settings of the model, its functions, and the caller's key for its provider. */
  readonly settings: Omit<AgentRequest, 'messages' | 'code' | 'resume'>;
  readonly background?: boolean | undefined;
  /** It can be asked for later. */
  readonly stored: boolean;
  /** The fields that the dialect repeats in every answer. */
  readonly echo: Readonly<Record<string, unknown>>;
}

const lostNote =
  'The container in which earlier code ran has expired: its variables and files are gone. A new one is used from now on; files ' +
  'the user attached are there again.';

/**
 * What the model is asked, and where its code runs. Nothing has run and nothing is stored when this resolves.
 * @throws Refusal; DragomanError session_expired
 */
export async function agentRequest(
  { sessions, attachments }: { readonly sessions: Sessions; readonly attachments: Attachments },
  principal: Principal,
  { code, settings, instructions }: ResponseRequest,
  history: History,
): Promise<{ readonly request: AgentRequest; readonly workplace: Workplace | undefined }> {
  const items = [...history.before, ...history.input];
  if (items.length === 0) throw new Refusal('nothing_to_answer', 'There is nothing to answer.');
  checkCalls(items);
  const files = await attachments.ofConversation(principal, items, answeredCount(history), code?.files ?? []);
  const workplace = code
    ? await Workplace.choose(sessions, attachments, principal, {
        named: code.sessionId,
        earlier: history.sessionId,
        files: files.all,
        settings: code.settings,
      })
    : undefined;
  const read = await modelParts(attachments, principal, files, (file) => workplace?.pathOf(file));
  const rendering = { ...history, part: (part: Part) => read.get(part) ?? plainPart(part) };
  const system = [instructions ?? '', workplace?.isLost ? lostNote : ''].filter((text) => text !== '');
  return {
    workplace,
    request: {
      ...settings,
      messages: [
        ...(system.length > 0
          ? [{ role: 'system' as const, content: system.map((text) => ({ type: 'text' as const, text })) }]
          : []),
        ...toMessages(items, rendering),
      ],
      code: code &&
        workplace && {
          session: () => workplace.session(),
          files: workplace.files,
          fileNotes: workplace.notes,
          wallMs: code.wallMs,
          maxCalls: code.maxCalls,
        },
      resume: history.waiting && resumption(items, history.waiting),
    },
  };
}

/** What waiting code is told, when nothing follows its calls but the results it waits for. */
function resumption(items: readonly Item[], waiting: WaitingCode): Resumption | undefined {
  const last = items.findLastIndex(isOfModel);
  const results = items.slice(last + 1).flatMap((item): ToolResult[] => {
    if (item.type !== 'function_result') return [];
    const id = waiting.calls[item.callId];
    return id === undefined ? [] : [{ id, value: jsonOrText(item.output) }];
  });
  if (results.length === 0) return undefined;
  const { calls: _, ...rest } = waiting;
  return { ...rest, results };
}

/** JSON where it is JSON, so that code gets the value a function returned and not its text. */
function jsonOrText(output: string | readonly Part[]): unknown {
  const text = typeof output === 'string' ? output : output.map((part) => ('text' in part ? part.text : '')).join('');
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
