import { useRef, useState } from 'preact/hooks';
import { call, messageOf } from '../api/http.ts';
import { Icon } from '../app/icons.tsx';
import { copyText } from '../files/save.ts';

/** Makes a key. Its secret is shown until the box is closed, and never again. */
export function NewKey({ plans, onMade }: { plans: readonly string[]; onMade: () => void }) {
  const box = useRef<HTMLDialogElement>(null);
  const [name, setName] = useState('');
  const [plan, setPlan] = useState('default');
  const [isAdmin, setAdmin] = useState(false);
  const [secret, setSecret] = useState('');
  const [fault, setFault] = useState('');
  const [isCopied, setCopied] = useState(false);
  const open = () => {
    setName('');
    setAdmin(false);
    setSecret('');
    setFault('');
    setCopied(false);
    box.current?.showModal();
  };
  const make = async () => {
    try {
      const rights = isAdmin ? ['use', 'admin'] : ['use'];
      const made = await call<{ secret: string }>('POST', '/admin/keys', { json: { name, plan, rights } });
      setSecret(made.secret);
      setFault('');
      onMade();
    } catch (error) {
      setFault(messageOf(error));
    }
  };
  return (
    <>
      <button type="button" class="primary" onClick={open}>
        <Icon name="plus" />
        Make a key
      </button>
      <dialog ref={box} aria-labelledby="new-key-title" onClose={() => setSecret('')}>
        <h2 id="new-key-title">{secret === '' ? 'A new key' : `The key ${name}`}</h2>
        {secret === '' ? (
          <form
            class="ops-form"
            onSubmit={(event) => {
              event.preventDefault();
              void make();
            }}
          >
            <label>
              Name
              <input type="text" value={name} required onInput={(event) => setName(event.currentTarget.value)} />
            </label>
            <label>
              Plan
              <select value={plan} onChange={(event) => setPlan(event.currentTarget.value)}>
                {plans.map((each) => (
                  <option key={each}>{each}</option>
                ))}
              </select>
            </label>
            <label class="row">
              <input type="checkbox" checked={isAdmin} onChange={(event) => setAdmin(event.currentTarget.checked)} />
              It may see and end what others run, and manage keys (admin)
            </label>
            <p class="err" role="alert">
              {fault}
            </p>
            <div class="row">
              <button type="button" class="btn" onClick={() => box.current?.close()}>
                Cancel
              </button>
              <button type="submit" class="primary" disabled={name === ''}>
                Make it
              </button>
            </div>
          </form>
        ) : (
          <>
            <p>This is its secret. It is shown once: only a hash of it is kept.</p>
            <p>
              <code class="secret">{secret}</code>
            </p>
            <div class="row">
              <button type="button" class="btn" onClick={async () => setCopied(await copyText(secret))}>
                <Icon name="copy" />
                {isCopied ? 'Copied' : 'Copy'}
              </button>
              <button type="button" class="primary" onClick={() => box.current?.close()}>
                Done
              </button>
            </div>
          </>
        )}
      </dialog>
    </>
  );
}
