import { useState } from 'preact/hooks';
import { Icon } from '../app/icons.tsx';
import { languageTitle } from '../app/state.ts';
import { bytes, count, duration, plural, when } from '../app/words.ts';
import { FileList } from '../files/file-list.tsx';
import type { Notebook } from './notebook.ts';
import type { KernelVariables, Variable } from './variables.ts';

/** Beside the cells: what the session holds. */
export function Side({ notebook, isOpen, onClose }: { notebook: Notebook; isOpen: boolean; onClose: () => void }) {
  const [tab, setTab] = useState<'session' | 'files'>('session');
  const session = notebook.session.value;
  if (!session) return null;
  const tabButton = (name: 'session' | 'files', words: string) => (
    <button type="button" role="tab" aria-selected={tab === name} onClick={() => setTab(name)}>
      {words}
    </button>
  );
  return (
    <aside class={isOpen ? 'side open' : 'side'} aria-label="Session">
      <div class="tabs" role="tablist">
        {tabButton('session', 'Session')}
        {tabButton('files', `Files ${notebook.files.value.length || ''}`)}
        <span class="grow" />
        <button type="button" class={isOpen ? 'icon' : 'icon narrow'} aria-label="Close" onClick={onClose}>
          <Icon name="cross" />
        </button>
      </div>
      {tab === 'files' ? (
        <FileList
          sessionId={notebook.id}
          files={notebook.files.value}
          onChange={() => void notebook.refresh()}
          onUse={(path) => notebook.useFile(path)}
        />
      ) : (
        <>
          <Variables variables={notebook.variables.value} isBusy={notebook.going.value !== undefined} />
          <p class="pad">
            <button
              type="button"
              class="btn"
              aria-expanded={notebook.isTerminalOpen.value}
              onClick={() => {
                notebook.isTerminalOpen.value = !notebook.isTerminalOpen.value;
              }}
            >
              <Icon name="prompt" />
              Terminal
            </button>
          </p>
          <h2>Limits</h2>
          <p class="pad small muted num">
            {bytes(session.memory_bytes)} of memory. Variables stay until {duration(session.idle_timeout_ms)} after the
            last run.
          </p>
          <label class="pad small">
            <input
              type="checkbox"
              checked={notebook.stopsAtError.value}
              onChange={(event) => {
                notebook.stopsAtError.value = event.currentTarget.checked;
              }}
            />{' '}
            “Run all” stops at the first error
          </label>
        </>
      )}
      <div class="foot small muted">
        <span class={session.state === 'live' ? 'dot' : 'dot off'} />{' '}
        {session.state === 'live' ? 'Live.' : 'Files only: the next run starts a new interpreter.'} Files stay until{' '}
        <span class="num">{when(session.expires_at)}</span> unless the session is used before.
      </div>
    </aside>
  );
}

function Variables({ variables, isBusy }: { variables: KernelVariables; isBusy: boolean }) {
  const shown = [...variables].filter(
    ([language, all]) => language === 'python' || all === undefined || all.length > 0,
  );
  const isEmpty = shown.every(([, all]) => all?.length === 0);
  return (
    <>
      {shown.length === 0 && <h2>Variables</h2>}
      {shown.map(([language, all]) => (
        <OfKernel key={language} language={language} variables={all} isBusy={isBusy} />
      ))}
      {isEmpty && <p class="pad small muted">Variables appear here after a cell in Python or JavaScript ran.</p>}
    </>
  );
}

interface OfKernelProps {
  readonly language: string;
  readonly variables: readonly Variable[] | undefined;
  readonly isBusy: boolean;
}

function OfKernel({ language, variables, isBusy }: OfKernelProps) {
  return (
    <>
      <h2>
        <span class="grow">{languageTitle(language)}</span>
        <span class="num">{variables ? plural(variables.length, 'variable') : ''}</span>
      </h2>
      {variables === undefined && (
        <p class="pad small muted">{isBusy ? 'Known when the cell has ended.' : 'Not known now.'}</p>
      )}
      <ul class="kv">
        {' '}
        {variables?.map(({ name, kind, type, shape, bytes: size, preview }) => (
          <li key={name}>
            <b>{name}</b>
            <span class="muted small" title={type}>
              {kind}
            </span>
            <small class="num">
              {[shape?.map(count).join(' × '), size && bytes(size), preview].filter(Boolean).join(' · ')}
            </small>
          </li>
        ))}
      </ul>
    </>
  );
}
