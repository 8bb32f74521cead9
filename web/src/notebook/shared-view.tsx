import { useEffect, useState } from 'preact/hooks';
import { call, messageOf } from '../api/http.ts';
import { when } from '../app/words.ts';
import type { Ipynb } from './ipynb.ts';
import { StaticNotebook } from './static-notebook.tsx';

interface Shared {
  readonly title: string;
  readonly notebook: Ipynb;
  readonly created_at: string;
  readonly expires_at: string;
}

/** A copy of a notebook that its owner shares by a link. */
export function SharedView({ secret }: { secret: string }) {
  const [shared, setShared] = useState<Shared | undefined>(undefined);
  const [fault, setFault] = useState('');
  useEffect(() => {
    call<Shared>('GET', `/shared/${secret}`).then(
      (found) => {
        document.title = `${found.title} · Dragoman`;
        setShared(found);
      },
      (error) => setFault(messageOf(error)),
    );
  }, [secret]);
  if (fault !== '') return <p class="first">{fault}</p>;
  if (!shared) return <p class="first">Loading</p>;
  return (
    <main class="plain" aria-label="Shared notebook">
      <h1>{shared.title}</h1>
      <p class="muted">
        This link shows a copy of {when(shared.created_at)} and ends {when(shared.expires_at)}.
      </p>
      <StaticNotebook file={shared.notebook} />
    </main>
  );
}
