import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { call, isAway, messageOf, signedOut } from '../api/http.ts';
import icon from '../icon.svg?url';
import { Finder } from './finder.tsx';
import { Icon } from './icons.tsx';
import { go, place } from './router.ts';
import { SignIn } from './sign-in.tsx';
import { Start } from './start.tsx';
import { chats, loadLists, loadModels, loadWho, models, sessions, spoken, who } from './state.ts';
import { toggleTheme } from './theme.ts';
import { when } from './words.ts';

/** The whole of the pages: rail, view, and what lies over them. */
export function App() {
  const [fault, setFault] = useState('');
  const begin = () => {
    setFault('');
    return loadWho()
      .then(() => {
        signedOut.value = false;
        return Promise.all([loadModels(), loadLists()]);
      })
      .catch((error) => {
        if (error.status === 401) signedOut.value = true;
        else setFault(messageOf(error));
      });
  };
  useEffect(() => {
    void begin();
  }, []);
  const [, secret] = /^s\/([\w-]+)$/.exec(place.value.path) ?? [];
  if (secret !== undefined) return <SharedPage secret={secret} />;
  if (fault !== '')
    return (
      <div class="sign">
        <p>{fault}</p>
        <button type="button" class="btn" onClick={() => void begin()}>
          Try again
        </button>
      </div>
    );
  if (!who.value && signedOut.value) return <SignIn onDone={() => void begin()} />;
  if (!who.value) return <p class="first">Loading</p>;
  return (
    <div class="app">
      {isAway.value && <Away />}
      <Rail />
      <div class="view">
        <View />
      </div>
      <Finder />
      <p class="vh" role="status">
        {spoken.value}
      </p>
      {signedOut.value && (
        <div class="over">
          <SignIn onDone={() => void begin()} />
        </div>
      )}
    </div>
  );
}

function Away() {
  useEffect(() => {
    const look = setInterval(() => {
      fetch('/health').then(
        ({ ok }) => {
          if (ok) isAway.value = false;
        },
        () => {},
      );
    }, 2000);
    return () => clearInterval(look);
  }, []);
  return (
    <div class="bar-top" role="status">
      {navigator.onLine
        ? 'The service does not answer. Trying again.'
        : 'You are offline. What you write is kept here.'}
    </div>
  );
}

function Rail() {
  const { path } = place.value;
  const link = (to: string, name: Parameters<typeof Icon>[0]['name'], words: string, isHere: boolean) => (
    <a href={`/ui/${to}`} aria-current={isHere ? 'page' : undefined}>
      <Icon name={name} />
      {words}
    </a>
  );
  const leave = async () => {
    await call('DELETE', '/auth/session').catch(() => {});
    location.assign('/ui/');
  };
  return (
    <nav class="rail" aria-label="Places">
      <div class="brand">
        <img src={icon} alt="" />
        Dragoman
      </div>
      {link('chat', 'chat', 'Playground', path.startsWith('chat'))}
      {link('notebooks', 'book', 'Notebooks', path.startsWith('notebook'))}
      {link('files', 'file', 'Files', path.startsWith('files'))}
      {who.value?.rights.includes('admin') && link('operator', 'gauge', 'Operator', path.startsWith('operator'))}
      {chats.value.length > 0 && <h2>Conversations</h2>}
      <div class="list">
        {chats.value.slice(0, 12).map(({ id, title, updated_at: at }) => (
          <a key={id} href={`/ui/chat/${id}`} aria-current={path === `chat/${id}` ? 'page' : undefined}>
            {title}
            <small>{when(at)}</small>
          </a>
        ))}
      </div>
      {sessions.value.length > 0 && <h2>Notebooks</h2>}
      <div class="list">
        {sessions.value.slice(0, 12).map(({ id, name, state, last_active_at: at }) => (
          <a key={id} href={`/ui/notebook/${id}`} aria-current={path === `notebook/${id}` ? 'page' : undefined}>
            <span class={state === 'live' ? 'dot' : 'dot off'} /> {name ?? 'Untitled session'}
            <small>
              {state === 'live' ? 'live' : 'files only'} · {when(at)}
            </small>
          </a>
        ))}
      </div>
      <span class="grow spring" />
      <a href="/ui/settings" class="wide" aria-current={path === 'settings' ? 'page' : undefined}>
        <Icon name="more" />
        Settings
      </a>
      <button type="button" onClick={toggleTheme}>
        <Icon name="sun" />
        Light or dark
      </button>
      {!who.value?.open && (
        <button type="button" onClick={() => void leave()}>
          <Icon name="out" />
          Sign out
        </button>
      )}
    </nav>
  );
}

/** A shared notebook needs no sign-in, and has no rail. */
function SharedPage({ secret }: { secret: string }) {
  const [View, setView] = useState<ComponentType<{ secret: string }> | undefined>(undefined);
  useEffect(() => {
    void import('../notebook/shared-view.tsx').then(({ SharedView }) => setView(() => SharedView));
  }, []);
  return View ? <View secret={secret} /> : <p class="first">Loading</p>;
}

/** Views are loaded when they are first opened. */
const views: Readonly<Record<string, () => Promise<ComponentType<{ rest: string }>>>> = {
  chat: () => import('../chat/chat-view.tsx').then(({ ChatPage }) => ChatPage),
  notebook: () =>
    import('../notebook/notebook-view.tsx').then(({ NotebookView }) => ({ rest }: { rest: string }) => (
      <NotebookView id={rest} />
    )),
  notebooks: () => import('./lists.tsx').then(({ NotebookList }) => NotebookList),
  files: () => import('../files/files-page.tsx').then(({ FilesPage }) => FilesPage),
  find: () => import('./places.tsx').then(({ FindView }) => FindView),
  session: () => import('./places.tsx').then(({ SessionView }) => SessionView),
  settings: () => import('./places.tsx').then(({ SettingsView }) => SettingsView),
  'sign-in': () => import('./places.tsx').then(({ SignedInView }) => SignedInView),
  operator: () => import('../operator/operator-page.tsx').then(({ OperatorPage }) => OperatorPage),
};

function View() {
  const { path } = place.value;
  const [name = '', ...rest] = path.split('/');
  const [found, setFound] = useState<{ name: string; View: ComponentType<{ rest: string }> } | undefined>(undefined);
  const [fault, setFault] = useState('');
  const all = models.value;
  useEffect(() => {
    // Where to begin depends on whether there is a model, which is known a moment later.
    if (name === '' && all) go(all.length > 0 ? 'chat' : 'start', true);
    const load = views[name];
    if (!load || found?.name === name) return;
    load().then(
      (View) => setFound({ name, View }),
      () => setFault('This view could not be loaded. The service may have been updated: load the page again.'),
    );
  }, [name, found, all]);
  if (name === 'start') return <Start />;
  if (fault !== '') return <p class="first">{fault}</p>;
  if (!views[name] && name !== '') return <p class="first">There is nothing at this address.</p>;
  if (found?.name !== name) return <p class="first">Loading</p>;
  return <found.View rest={rest.map(decodeURIComponent).join('/')} />;
}
