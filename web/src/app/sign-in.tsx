import { useEffect, useState } from 'preact/hooks';
import { call, messageOf } from '../api/http.ts';
import icon from '../icon.svg?url';

/** Asks for an API key once; the browser keeps a cookie that scripts cannot read, never the key. */
export function SignIn({ onDone }: { onDone: () => void }) {
  const [key, setKey] = useState('');
  const [fault, setFault] = useState('');
  const [isBusy, setBusy] = useState(false);
  const signIn = async (headers: Record<string, string>) => {
    setBusy(true);
    setFault('');
    try {
      await call('POST', '/auth/session', { headers });
      onDone();
    } catch (error) {
      const message = messageOf(error);
      setFault(message === 'Invalid API key' ? 'That key is not known here.' : message);
      document.getElementById('key')?.focus();
    } finally {
      setBusy(false);
    }
  };
  useEffect(() => {
    // The service prints an address with a code when it starts. The code is taken out of the history at once.
    const code = /^#start-([A-Z0-9-]+)$/i.exec(location.hash)?.[1];
    if (code === undefined) return;
    history.replaceState(null, '', location.pathname + location.search);
    void signIn({ 'x-dragoman-start': code });
  }, []);
  const isPlain = !window.isSecureContext;
  return (
    <main class="sign">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void signIn({ 'x-api-key': key.trim() });
        }}
      >
        <h1 class="brand">
          <img src={icon} alt="" />
          Dragoman
        </h1>
        <label for="key">API key</label>
        <input
          id="key"
          type="password"
          autocomplete="current-password"
          value={key}
          aria-describedby="key-help"
          onInput={(event) => setKey(event.currentTarget.value)}
        />
        <button type="submit" class="primary" disabled={key.trim() === '' || isBusy}>
          Sign in
        </button>
        <p class="bad" role="alert">
          {fault}
        </p>
        <p id="key-help" class="muted small">
          The service prints a key, or an address that signs you in, when it starts. A key that it made is in the file
          api-key of its data directory.
          {isPlain && ' This connection is not encrypted: the key can be read on its way.'}
        </p>
      </form>
    </main>
  );
}
