import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { placeOf } from './find.ts';
import { go } from './router.ts';
import { chats, sessions } from './state.ts';

/** Ctrl+K: goes to a conversation or notebook by its name, and to a session, execution, container, response or conversation by its id. */
export function Finder() {
  const box = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState('');
  const [said, say] = useState('');
  useLayoutEffect(() => {
    const open = (event: KeyboardEvent) => {
      if (event.key !== 'k' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      setText('');
      say('');
      box.current?.showModal();
    };
    addEventListener('keydown', open);
    return () => removeEventListener('keydown', open);
  }, []);
  const wanted = text.trim().toLowerCase();
  const hits = [
    ...chats.value.map(({ id, title }) => ({ to: `chat/${id}`, title })),
    ...sessions.value.map(({ id, name }) => ({ to: `notebook/${id}`, title: name ?? 'Untitled session' })),
  ].filter(({ title }) => title.toLowerCase().includes(wanted));
  const leave = (to: string) => {
    box.current?.close();
    go(to);
  };
  const find = async () => {
    const to = /^[\w-]{8,}$/.test(text.trim()) ? await placeOf(text.trim()) : undefined;
    if (to !== undefined) return leave(to);
    if (hits[0]) return leave(hits[0].to);
    say('Nothing of that name or id is here.');
  };
  return (
    <dialog ref={box} aria-label="Find">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void find();
        }}
      >
        <input
          class="grow"
          aria-label="Name or id"
          placeholder="A name, or the id of a session, run, container or response"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
          size={48}
        />
        <p role="status" class="small">
          {said}
        </p>
        <ul class="kv">
          {hits.slice(0, 8).map(({ to, title }) => (
            <li key={to}>
              <button type="button" onClick={() => leave(to)}>
                {title}
              </button>
            </li>
          ))}
        </ul>
      </form>
    </dialog>
  );
}
