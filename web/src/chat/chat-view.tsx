import '../styles/chat.css';
import { useEffect, useRef, useState } from 'preact/hooks';
import { messageOf } from '../api/http.ts';
import { Icon } from '../app/icons.tsx';
import { go } from '../app/router.ts';
import { models } from '../app/state.ts';
import { DropZone } from '../files/drop.tsx';
import { Conversation } from './chat.ts';
import { Composer } from './composer.tsx';
import { TurnView } from './turn-view.tsx';

/** The playground: `rest` is the id of a conversation, or empty for a new one. */
export function ChatPage({ rest }: { rest: string }) {
  const [conversation, setConversation] = useState<Conversation | undefined>(undefined);
  const [fault, setFault] = useState('');
  const shown = useRef<Conversation | undefined>(undefined);
  useEffect(() => {
    // A new conversation gets its address with its first message, and goes on.
    if (shown.current && rest !== '' && shown.current.id.value === rest) return;
    const opened = new Conversation();
    shown.current?.close();
    shown.current = opened;
    setFault('');
    if (rest === '') return setConversation(opened);
    setConversation(undefined);
    opened.open(rest).then(
      () => setConversation(opened),
      (error) => setFault(messageOf(error)),
    );
  }, [rest]);
  useEffect(() => () => shown.current?.close(), []);
  if (fault !== '')
    return (
      <main aria-label="Playground">
        <div class="plain">
          <p>{fault}</p>
          <a href="/ui/chat">New conversation</a>
        </div>
      </main>
    );
  if (models.value?.length === 0)
    return (
      <main aria-label="Playground">
        <div class="plain">
          <h1>No model is connected. Code runs without one.</h1>
          <a class="btn primary" href="/ui/start">
            See how to begin
          </a>
        </div>
      </main>
    );
  if (!conversation)
    return (
      <main aria-busy="true">
        <p class="first">Loading</p>
      </main>
    );
  return <Opened conversation={conversation} />;
}

/** While the end is so near, in pixels, it is followed. */
const near = 48;

const prompts = [
  'Plot the first 50 primes and the gaps between them.',
  'Simulate 10 000 throws of two dice and show the distribution.',
  'Which files are here, and what is in them?',
];

function Opened({ conversation }: { conversation: Conversation }) {
  const scroller = useRef<HTMLDivElement>(null);
  const inner = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const [hasMore, setMore] = useState(false);
  const id = conversation.id.value;
  useEffect(() => {
    document.title = `${conversation.title.value || 'Playground'} · Dragoman`;
    if (id !== undefined) go(`chat/${id}`, true);
  }, [id, conversation.title.value]);
  useEffect(() => {
    const element = scroller.current;
    if (!element || !inner.current) return;
    const end = () => element.scrollHeight - element.scrollTop - element.clientHeight;
    element.scrollTop = element.scrollHeight;
    const grown = new ResizeObserver(() => {
      if (follows.current) element.scrollTop = element.scrollHeight;
      else setMore(end() > near);
    });
    grown.observe(inner.current);
    const scrolled = () => {
      follows.current = end() < near;
      if (follows.current) setMore(false);
    };
    // Only a person's own act ends following.
    const acts = ['wheel', 'touchmove', 'keydown', 'pointerdown'] as const;
    const act = () => requestAnimationFrame(scrolled);
    for (const name of acts) element.addEventListener(name, act, { passive: true });
    element.addEventListener('scrollend', scrolled);
    return () => {
      grown.disconnect();
      for (const name of acts) element.removeEventListener(name, act);
      element.removeEventListener('scrollend', scrolled);
    };
  }, []);
  const { branch } = conversation;
  return (
    <main aria-label="Playground">
      <Header conversation={conversation} />
      <section ref={scroller} class="scroll" tabIndex={0} aria-label="Conversation">
        <div ref={inner} class="talk">
          {branch.length === 0 && (
            <>
              <h2>Ask, and see the code run</h2>
              <p class="muted">
                The model writes code, it runs in a sandbox, and you see each line of output as it comes.
              </p>
              <div class="chips">
                {prompts.map((words) => (
                  <button key={words} type="button" class="chip" onClick={() => void conversation.send(words)}>
                    {words}
                  </button>
                ))}
              </div>
            </>
          )}
          {branch.map((turn, at) => (
            <TurnView key={turn.id} conversation={conversation} turn={turn} isLast={at === branch.length - 1} />
          ))}
        </div>
        {hasMore && (
          <button
            type="button"
            class="pill"
            onClick={() => {
              follows.current = true;
              setMore(false);
              scroller.current?.scrollTo({ top: scroller.current.scrollHeight });
            }}
          >
            <Icon name="down" />
            New output
          </button>
        )}
      </section>
      <Composer
        conversation={conversation}
        onSend={() => {
          follows.current = true;
        }}
      />
      <DropZone words="Drop files into this conversation" onFiles={(files) => void conversation.attach(files)} />
    </main>
  );
}

function Header({ conversation }: { conversation: Conversation }) {
  const rename = () => {
    const title = prompt('Title of this conversation', conversation.title.value);
    if (title !== null) void conversation.rename(title);
  };
  const remove = async () => {
    if (!confirm('Delete this conversation? Its session and files stay.')) return;
    await conversation.remove();
    go('chat');
  };
  const isKept = conversation.id.value !== undefined;
  return (
    <header class="top">
      <h1>
        {isKept ? (
          <button type="button" onClick={rename} title="Rename">
            {conversation.title.value}
          </button>
        ) : (
          'Playground'
        )}
      </h1>
      <span class="grow" />
      {conversation.sessionId.value !== undefined && (
        <a class="btn" href={`/ui/notebook/${conversation.sessionId.value}`}>
          <Icon name="book" />
          Open as notebook
        </a>
      )}
      {isKept && (
        <>
          <a class="btn icon" href="/ui/chat" aria-label="New conversation">
            <Icon name="plus" />
          </a>
          <button type="button" class="icon" aria-label="Delete this conversation" onClick={() => void remove()}>
            <Icon name="trash" />
          </button>
        </>
      )}
    </header>
  );
}
