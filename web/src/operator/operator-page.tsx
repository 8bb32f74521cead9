import '../styles/operator.css';
import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';
import { who } from '../app/state.ts';
import { HealthView } from './health-view.tsx';
import { KeysView } from './keys-view.tsx';
import { OverviewView } from './overview-view.tsx';
import { RunsView } from './runs-view.tsx';
import { SessionsView } from './sessions-view.tsx';
import { UsageView } from './usage-view.tsx';

/** Each at an address of its own, below `/ui/operator`. */
const views: readonly { readonly path: string; readonly title: string; readonly View: ComponentType }[] = [
  { path: '', title: 'Overview', View: OverviewView },
  { path: 'runs', title: 'Runs', View: RunsView },
  { path: 'sessions', title: 'Sessions', View: SessionsView },
  { path: 'keys', title: 'Keys', View: KeysView },
  { path: 'usage', title: 'Use', View: UsageView },
  { path: 'health', title: 'Health', View: HealthView },
];

/** The operator's page: how the service is, what others run, and keys. Nothing here shows code, output or files. */
export function OperatorPage({ rest }: { rest: string }) {
  const found = views.find(({ path }) => path === rest);
  useEffect(() => {
    document.title = `${found?.title ?? 'Operator'} · Dragoman`;
  }, [found]);
  if (!who.value?.rights.includes('admin')) return <NotPermitted />;
  return (
    <main aria-label="Operator">
      <header class="top">
        <h1>Operator</h1>
        <nav class="ops-tabs" aria-label="Views of the operator">
          {views.map(({ path, title }) => (
            <a
              key={path}
              href={path === '' ? '/ui/operator' : `/ui/operator/${path}`}
              aria-current={path === rest ? 'page' : undefined}
            >
              {title}
            </a>
          ))}
        </nav>
      </header>
      <div class="scroll">
        <div class="ops">{found ? <found.View /> : <p>There is nothing at this address.</p>}</div>
      </div>
    </main>
  );
}

/** What one reads whose key has not the right. */
function NotPermitted() {
  const { principal = '', open: isOpen = false } = who.value ?? {};
  return (
    <main aria-label="Operator">
      <div class="scroll">
        <div class="plain">
          <h1>This page is for operators</h1>
          {isOpen ? (
            <p>
              This service asks for no key (DRAGOMAN_AUTH=open), so the pages have none with the right admin. Set
              DRAGOMAN_AUTH=keys and sign in, or use the API with a key that has it.
            </p>
          ) : (
            <>
              <p>
                Your key <b>{principal}</b> may use what is its own. To see and end what others run, and to manage keys,
                it needs the right admin. An operator gives it on this page, or on the machine of the service:
              </p>
              <pre>node scripts/dragoman.mjs keys rights {principal} admin</pre>
              <p>Then load this page again.</p>
            </>
          )}
        </div>
      </div>
    </main>
  );
}
