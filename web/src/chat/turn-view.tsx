import { useState } from 'preact/hooks';
import type { Turn } from '../api/types.ts';
import { Icon } from '../app/icons.tsx';
import { bytes, duration, plural } from '../app/words.ts';
import { fileAddress } from '../files/address.ts';
import { copyText } from '../files/save.ts';
import { Code } from '../run/code.tsx';
import { type LinkOf, Markdown } from '../run/markdown.tsx';
import { RunView } from '../run/run-view.tsx';
import type { Answer, AnswerItem } from './answer.ts';
import type { Conversation } from './chat.ts';
import { siblingsOf } from './turns.ts';

interface TurnProps {
  readonly conversation: Conversation;
  readonly turn: Turn;
  readonly isLast: boolean;
}

/** A message and its answer. */
export function TurnView({ conversation, turn, isLast }: TurnProps) {
  const [draft, setDraft] = useState<string | undefined>(undefined);
  const answer = conversation.answerOf(turn);
  const isBusy = conversation.going !== undefined;
  return (
    <>
      <article class="turn" aria-label="You">
        {draft === undefined ? (
          <>
            <div class="me">
              {turn.text}
              {turn.files && turn.files.length > 0 && <TurnFiles turn={turn} />}
            </div>
            <div class="acts mine">
              <Branches conversation={conversation} turn={turn} />
              <button
                type="button"
                class="icon"
                aria-label="Edit, and go on from here"
                disabled={isBusy}
                onClick={() => setDraft(turn.text)}
              >
                <Icon name="pen" />
              </button>
            </div>
          </>
        ) : (
          <form
            onSubmit={(event) => {
              event.preventDefault();
              setDraft(undefined);
              void conversation.edit(turn, draft);
            }}
          >
            <textarea
              class="field"
              aria-label="Edited message"
              rows={3}
              style={{ width: '100%' }}
              value={draft}
              onInput={(event) => setDraft(event.currentTarget.value)}
            />
            <p class="row">
              <button type="submit" class="primary" disabled={draft.trim() === ''}>
                Send as a branch
              </button>
              <button type="button" onClick={() => setDraft(undefined)}>
                Cancel
              </button>
              <span class="muted small">
                The branch starts with a copy of the files as they are now; variables begin empty.
              </span>
            </p>
          </form>
        )}
      </article>
      <AnswerView conversation={conversation} turn={turn} answer={answer} isLast={isLast} />
    </>
  );
}

function TurnFiles({ turn }: { turn: Turn }) {
  return (
    <div class="chips">
      {turn.files?.map(({ path, size }) => (
        <a key={path} class="chip" href={turn.session_id ? fileAddress(turn.session_id, path) : undefined}>
          <Icon name="file" />
          {path}
          <span class="muted small num">{bytes(size)}</span>
        </a>
      ))}
    </div>
  );
}

function Branches({ conversation, turn }: Pick<TurnProps, 'conversation' | 'turn'>) {
  const all = siblingsOf(conversation.turns.value, turn);
  if (all.length < 2) return null;
  const at = all.findIndex(({ id }) => id === turn.id);
  const go = (by: number) => void conversation.choose(all[(at + by + all.length) % all.length]!);
  return (
    <span class="row small num">
      <button type="button" class="icon" aria-label="Earlier branch" onClick={() => go(-1)}>
        ‹
      </button>
      {at + 1} of {all.length}
      <button type="button" class="icon" aria-label="Later branch" onClick={() => go(1)}>
        ›
      </button>
    </span>
  );
}

function AnswerView({ conversation, turn, answer, isLast }: TurnProps & { answer: Answer }) {
  const [isCopied, setCopied] = useState(false);
  const items = answer.items.value;
  const runs = items.flatMap((item) => (item.kind === 'code' && item.run.value ? [item.run.value] : []));
  const spent = runs.reduce((sum, run) => sum + (run.ending.value?.usage.wall_ms ?? 0), 0);
  const isGoing = !answer.isOver;
  const sessionId = turn.session_id ?? undefined;
  const text = items.flatMap((item) => (item.kind === 'message' ? [item.text.value] : [])).join('\n\n');
  return (
    <article class="turn" aria-label="Answer" aria-busy={isGoing}>
      <div class="who">
        <b>{answer.model.value || turn.model}</b>
        {isGoing && items.length === 0 && (
          <>
            <span class="dot run" /> waits for the model
          </>
        )}
        {runs.length > 0 && (
          <span class="num">
            {plural(runs.length, 'run')}
            {spent > 0 && ` · ${duration(spent)} of code`}
          </span>
        )}
      </div>
      {items.map((item, at) => (
        <ItemView
          key={item.id}
          item={item}
          sessionId={sessionId}
          isLast={at === items.length - 1}
          isOver={answer.isOver}
        />
      ))}
      {answer.status.value === 'stopped' && <p class="muted">Stopped.</p>}
      {answer.fault.value !== '' && (
        <p class="err" role="alert">
          {answer.fault.value}
        </p>
      )}
      {!isGoing && (
        <div class="acts">
          {text !== '' && (
            <button
              type="button"
              class="icon"
              aria-label={isCopied ? 'Copied' : 'Copy answer'}
              onClick={async () => setCopied(await copyText(text))}
            >
              <Icon name={isCopied ? 'check' : 'copy'} />
            </button>
          )}
          <button
            type="button"
            class="icon"
            aria-label="Answer again"
            disabled={conversation.going !== undefined}
            onClick={() => void conversation.again(turn)}
          >
            <Icon name="redo" />
          </button>
          {isLast && answer.status.value === 'failed' && (
            <span class="small">Try again, or choose another model below.</span>
          )}
        </div>
      )}
    </article>
  );
}

interface ItemProps {
  readonly item: AnswerItem;
  readonly sessionId: string | undefined;
  readonly isLast: boolean;
  readonly isOver: boolean;
}

function ItemView({ item, sessionId, isLast, isOver }: ItemProps) {
  switch (item.kind) {
    case 'thought':
      return item.text.value === '' ? null : (
        <details class="small muted">
          <summary>Thoughts</summary>
          <p>{item.text.value}</p>
        </details>
      );
    case 'message':
      return (
        <>
          <Markdown source={item.text.value} linkOf={linksIn(sessionId)} />
          {sessionId !== undefined && item.files.value.length > 0 && (
            <div class="chips">
              {item.files.value.map((name) => (
                <a key={name} class="chip" href={fileAddress(sessionId, name)}>
                  <Icon name="file" />
                  {name}
                </a>
              ))}
            </div>
          )}
        </>
      );
    case 'code': {
      const run = item.run.value;
      if (run) return <RunView run={run} isLast={isLast && !isOver} />;
      return (
        <details class={isOver ? 'run' : 'run going'} open={!isOver}>
          <summary>
            {!isOver && <span class="dot run" />}
            <span class="what">
              {isOver ? 'Code that did not run' : item.isReady.value ? 'Begins to run' : 'Writes code'}
            </span>
          </summary>
          <Code source={item.code.value} language="python" />
        </details>
      );
    }
  }
}

/** Links of a model: into its workspace they open the file here, elsewhere they open a page of their own. */
function linksIn(sessionId: string | undefined): LinkOf {
  return (href) => {
    const [, path] = /^(?:sandbox:)?\/mnt\/data\/(.+)$/.exec(href) ?? [];
    if (path !== undefined && sessionId !== undefined)
      return { href: fileAddress(sessionId, decoded(path)), isFile: true };
    return /^(https?:|mailto:)/i.test(href) ? { href, isFile: false } : undefined;
  };
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
