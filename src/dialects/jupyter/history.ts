import type { Execution } from '../../service/index.ts';
import { type Fields, isFields } from './wire.ts';

/** Lines of history in one reply. */
const maxLines = 1000;
/** There is one session: earlier lives of the kernel are not kept. */
const session = 1;

interface Run {
  readonly code: string;
  readonly execution: Execution;
}

/** The reply to a history_request, from what the service remembers of the session. */
export function historyReply(content: Fields, runs: readonly Run[]): Fields {
  const lines = runs.map(({ code, execution }, index) => ({ number: index + 1, code, execution }));
  const kept = chosen(content, lines).slice(-maxLines);
  const history = kept.map(({ number, code, execution }) => {
    if (content.output !== true) return [session, number, code];
    const result = execution.result.outputs.findLast(({ kind }) => kind === 'result')?.bundle['text/plain'];
    return [session, number, [code, typeof result === 'string' ? result : null]];
  });
  return { status: 'ok', history };
}

type Line = Run & { readonly number: number };

function chosen(content: Fields, lines: readonly Line[]): readonly Line[] {
  const { hist_access_type: type, n, start, stop, pattern, unique } = isFields(content) ? content : ({} as Fields);
  const most = typeof n === 'number' && n > 0 ? Math.min(Math.floor(n), maxLines) : maxLines;
  if (type === 'range') {
    const from = typeof start === 'number' ? start : 0;
    const until = typeof stop === 'number' ? stop : Number.POSITIVE_INFINITY;
    return lines.filter(({ number }) => number >= from && number < until);
  }
  if (type === 'search' && typeof pattern === 'string') {
    const parts = pattern.slice(0, 1000).split(/[*?]+/).filter(Boolean);
    const found = lines.filter(({ code }) => holdsInOrder(code, parts));
    const last = unique === true ? [...new Map(found.map((line) => [line.code, line])).values()] : found;
    return last.slice(-most);
  }
  return lines.slice(-most);
}

/** Whether a text holds these parts one after another: a pattern of a client is no regular expression here. */
function holdsInOrder(text: string, parts: readonly string[]): boolean {
  let at = 0;
  for (const part of parts) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return true;
}
