import { useEffect, useState } from 'preact/hooks';
import { call, messageOf } from '../api/http.ts';
import { newNotebook } from '../notebook/start.ts';
import { Icon } from './icons.tsx';
import { go } from './router.ts';
import { loadLists, sessions } from './state.ts';
import { when } from './words.ts';

/** Every session, each as a notebook. */
export function NotebookList() {
  const [fault, setFault] = useState('');
  const say = (error: unknown) => setFault(messageOf(error));
  useEffect(() => {
    document.title = 'Notebooks · Dragoman';
    loadLists().catch((error) => setFault(messageOf(error)));
  }, []);
  const open = (isFirst: boolean) => newNotebook(isFirst).then((id) => go(`notebook/${id}`), say);
  const remove = async (id: string, name: string) => {
    if (!confirm(`Delete ${name} with its files?`)) return;
    await call('DELETE', `/sessions/${id}`).then(loadLists).catch(say);
  };
  return (
    <main aria-label="Notebooks">
      <header class="top">
        <h1>Notebooks</h1>
        <span class="grow" />
        <button type="button" class="btn" onClick={() => void open(false)}>
          <Icon name="plus" />
          New notebook
        </button>
      </header>
      <section class="scroll" tabIndex={0} aria-label="All notebooks">
        <div class="plain">
          {fault !== '' && <p class="err">{fault}</p>}
          {sessions.value.length === 0 && (
            <>
              <p>Sessions appear here, those that agents made as well. Each is a notebook.</p>
              <button type="button" class="primary" onClick={() => void open(true)}>
                Open a first notebook
              </button>
            </>
          )}
          <ul class="kv">
            {sessions.value.map(({ id, name, state, last_active_at: at, expires_at: until }) => (
              <li key={id}>
                <a href={`/ui/notebook/${id}`}>{name ?? 'Untitled session'}</a>
                <span class="muted small">{state === 'live' ? 'live' : 'files only'}</span>
                <button
                  type="button"
                  class="icon"
                  aria-label={`Delete ${name ?? id}`}
                  onClick={() => void remove(id, name ?? 'this session')}
                >
                  <Icon name="trash" />
                </button>
                <small>
                  used {when(at)}, kept until {when(until)}
                </small>
              </li>
            ))}
          </ul>
        </div>
      </section>
    </main>
  );
}
