import '../styles/notebook.css';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { call, messageOf } from '../api/http.ts';
import { Icon } from '../app/icons.tsx';
import { go, place } from '../app/router.ts';
import { languageTitle, who } from '../app/state.ts';
import { plural } from '../app/words.ts';
import { DropZone } from '../files/drop.tsx';
import { copyText, saveText } from '../files/save.ts';
import { uploadAll } from '../files/upload.ts';
import { Elapsed } from '../run/elapsed.tsx';
import { newCell } from './cell.ts';
import { CellView } from './cell-view.tsx';
import { toPage, toScript } from './exports.ts';
import { cellsOf, toIpynb } from './ipynb.ts';
import { NotebookKeys } from './keys.ts';
import { Notebook } from './notebook.ts';
import { Side } from './side.tsx';
import type { TerminalPanel } from './terminal-panel.tsx';

/** A notebook by the id of its session. */
export function NotebookView({ id }: { id: string }) {
  const [notebook, setNotebook] = useState<Notebook | undefined>(undefined);
  const [fault, setFault] = useState('');
  useEffect(() => {
    const opened = new Notebook(id);
    setNotebook(undefined);
    setFault('');
    opened.open().then(
      () => setNotebook(opened),
      (error) => setFault(messageOf(error)),
    );
    const leave = () => opened.close();
    addEventListener('pagehide', leave);
    return () => {
      removeEventListener('pagehide', leave);
      leave();
    };
  }, [id]);
  if (fault !== '')
    return (
      <main>
        <div class="plain">
          <p>{fault}</p>
          <a href="/ui/notebooks">All notebooks</a>
        </div>
      </main>
    );
  if (!notebook)
    return (
      <main aria-busy="true">
        <p class="first">Loading</p>
      </main>
    );
  return <Opened notebook={notebook} />;
}

function Opened({ notebook }: { notebook: Notebook }) {
  const [isSideOpen, openSide] = useState(false);
  const scroller = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const keys = new NotebookKeys(notebook);
    const handle = (event: KeyboardEvent) => keys.handle(event);
    addEventListener('keydown', handle);
    return () => removeEventListener('keydown', handle);
  }, [notebook]);
  // `?run=` and `#cell-` name a cell.
  useEffect(() => {
    const run = place.value.query.get('run');
    const id = /^#cell-(.+)$/.exec(location.hash)?.[1];
    const named = notebook.cells.value.find((cell) => cell.id === id || (run !== null && cell.executionId === run));
    if (!named) return;
    notebook.selected.value = named.id;
    document.getElementById(`cell-${named.id}`)?.scrollIntoView({ block: 'start' });
  }, [notebook]);
  useEffect(() => {
    const open = () => {
      if (location.hash === '#terminal') notebook.isTerminalOpen.value = true;
    };
    open();
    addEventListener('hashchange', open);
    return () => removeEventListener('hashchange', open);
  }, [notebook]);
  const name = notebook.session.value?.name ?? 'Untitled notebook';
  const isWaiting = notebook.going.value?.run.value?.question.value !== undefined;
  useEffect(() => {
    document.title = `${isWaiting ? 'Waits for your input: ' : ''}${name} · Dragoman`;
  }, [name, isWaiting]);
  const add = (kind: 'code' | 'text', language: string) => {
    const cell = newCell(kind, language);
    notebook.insert(cell, notebook.cells.value.length);
    notebook.isEditing.value = true;
  };
  return (
    <>
      <main aria-label="Notebook">
        <Header notebook={notebook} name={name} onSide={() => openSide(!isSideOpen)} />
        <section ref={scroller} class="scroll" tabIndex={0} aria-label="Cells">
          <div class="book">
            <Notices notebook={notebook} />
            {notebook.cells.value.map((cell, at) => (
              <CellView key={cell.id} notebook={notebook} cell={cell} at={at} />
            ))}
            <div class="add">
              <button type="button" class="btn" onClick={() => add('code', 'python')}>
                <Icon name="plus" />
                Python
              </button>
              <button type="button" class="btn" onClick={() => add('text', 'python')}>
                Text
              </button>
              <select
                aria-label="Add a cell in another language"
                value=""
                onChange={(event) => {
                  if (event.currentTarget.value !== '') add('code', event.currentTarget.value);
                  event.currentTarget.value = '';
                }}
              >
                <option value="">Other language</option>
                {who.value?.languages.map(({ name: language, title }) => (
                  <option key={language} value={language}>
                    {title}
                  </option>
                ))}
              </select>
            </div>
          </div>
        </section>
        {notebook.isTerminalOpen.value && <LazyTerminal notebook={notebook} />}
      </main>
      <Side notebook={notebook} isOpen={isSideOpen} onClose={() => openSide(false)} />
      <DropZone
        words="Drop files into this session"
        onFiles={(files) => void uploadAll(notebook.id, files).then(() => notebook.refresh())}
      />
    </>
  );
}

/** The terminal is large, and few notebooks open it. */
function LazyTerminal({ notebook }: { notebook: Notebook }) {
  const [Panel, setPanel] = useState<typeof TerminalPanel | undefined>(undefined);
  useEffect(() => {
    import('./terminal-panel.tsx').then(
      ({ TerminalPanel }) => setPanel(() => TerminalPanel),
      (error) => {
        notebook.isTerminalOpen.value = false;
        notebook.fault.value = messageOf(error);
      },
    );
  }, [notebook]);
  return Panel ? <Panel notebook={notebook} /> : null;
}

function Header({ notebook, name, onSide }: { notebook: Notebook; name: string; onSide: () => void }) {
  const going = notebook.going.value;
  const run = going?.run.value;
  const session = notebook.session.value;
  const opener = useRef<HTMLInputElement>(null);
  const rename = () => {
    const wanted = prompt('Name of this notebook', session?.name ?? '');
    if (wanted !== null) void notebook.rename(wanted.trim());
  };
  const restart = () => {
    const names = [...notebook.variables.value.values()].reduce((sum, all) => sum + (all?.length ?? 0), 0);
    if (names === 0 || confirm(`Restart? ${plural(names, 'variable')} will be gone, the files stay.`))
      void notebook.restart();
  };
  const fork = async () => go(`notebook/${await notebook.fork()}`);
  const share = async () => {
    const hours = Number(
      prompt('Anyone with the link can read a copy of this notebook. It ends after how many hours (1 to 720)?', '24'),
    );
    if (!Number.isInteger(hours) || hours < 1 || hours > 720) return;
    try {
      const notebookFile = toIpynb(notebook.cells.value, name);
      const json = { title: name, expires_in_hours: hours, notebook: notebookFile };
      const { secret } = await call<{ secret: string }>('POST', `/sessions/${notebook.id}/shares`, { json });
      notebook.sharedAt.value = `${location.origin}/ui/s/${secret}`;
    } catch (error) {
      notebook.fault.value = messageOf(error);
    }
  };
  const take = async (file: File | undefined) => {
    if (!file) return;
    try {
      notebook.replaceCells([...cellsOf(JSON.parse(await file.text()))]);
    } catch (error) {
      notebook.fault.value = messageOf(error);
    }
  };
  return (
    <header class="top">
      <h1>
        <button type="button" onClick={rename} title="Rename">
          {name}
        </button>
      </h1>
      <span class="live small" role="status">
        <span class={run ? 'dot run' : session?.state === 'live' ? 'dot' : 'dot off'} />
        <span class="num wide">
          {run ? (
            <>
              {languageTitle(going?.language.value ?? '')} is busy · <Elapsed run={run} />
            </>
          ) : session?.state === 'live' ? (
            'live'
          ) : (
            'files only'
          )}
        </span>
        <span class="wide">{savingWords[notebook.saving.value]}</span>
      </span>
      <span class="grow" />
      <button type="button" class="btn" onClick={() => void notebook.runAll()}>
        <Icon name="play" />
        Run all
      </button>
      <button type="button" class="btn" disabled={!run} onClick={() => void notebook.interrupt()}>
        <Icon name="stop" />
        Interrupt
      </button>
      <button
        type="button"
        class="icon"
        aria-label="Restart"
        title="Restart: variables go, files stay"
        onClick={restart}
      >
        <Icon name="redo" />
      </button>
      <button
        type="button"
        class="icon"
        aria-label="Fork"
        title="Fork: the same files and cells; variables do not come along"
        onClick={() => void fork()}
      >
        <Icon name="fork" />
      </button>
      <Export notebook={notebook} name={name} />
      {who.value?.shares && (
        <button
          type="button"
          class="icon"
          aria-label="Share a copy by a link"
          title="Share a read-only copy"
          onClick={() => void share()}
        >
          <Icon name="share" />
        </button>
      )}
      <input
        ref={opener}
        type="file"
        accept=".ipynb"
        hidden
        aria-label="Notebook file"
        onChange={(event) => void take(event.currentTarget.files?.[0])}
      />
      <button
        type="button"
        class="icon"
        aria-label="Import a notebook file"
        title="Import .ipynb: outputs are shown, nothing runs"
        onClick={() => opener.current?.click()}
      >
        <Icon name="up" />
      </button>
      <button type="button" class="icon" aria-label="Variables and files" aria-haspopup="true" onClick={onSide}>
        <Icon name="side" />
      </button>
    </header>
  );
}

/** Saves the notebook as it stands, as a file for Jupyter, a script or a page. */
function Export({ notebook, name }: { notebook: Notebook; name: string }) {
  const box = useRef<HTMLDetailsElement>(null);
  const save = (ending: string, text: string, type: string) => {
    saveText(`${name}.${ending}`, text, type);
    box.current?.removeAttribute('open');
  };
  const cells = () => notebook.cells.value;
  return (
    <details
      ref={box}
      class="menu"
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        event.stopPropagation();
        box.current?.removeAttribute('open');
        box.current?.querySelector('summary')?.focus();
      }}
    >
      <summary class="btn icon" aria-label="Export" title="Export">
        <Icon name="down" />
      </summary>
      <div class="menu-box">
        <button
          type="button"
          onClick={() => save('ipynb', JSON.stringify(toIpynb(cells(), name), null, 1), 'application/x-ipynb+json')}
        >
          Notebook file, with outputs (.ipynb)
        </button>
        <button type="button" onClick={() => save('py', toScript(cells()), 'text/x-python')}>
          Python script (.py)
        </button>
        <button type="button" onClick={() => save('html', toPage(cells(), name), 'text/html')}>
          Page to read, with outputs (.html)
        </button>
      </div>
    </details>
  );
}

const savingWords = {
  saved: '',
  waiting: '· not saved yet',
  saving: '· saving',
  conflict: '· not saved',
  failed: '· not saved, trying again',
} as const;

function Notices({ notebook }: { notebook: Notebook }) {
  const [isHidden, hide] = useState(false);
  const former = notebook.cells.value.filter((cell) => cell.isFormer.value && cell.number.value > 0);
  return (
    <>
      {notebook.fault.value !== '' && (
        <div class="note bad" role="alert">
          <Icon name="warn" />
          <span class="grow">{notebook.fault.value}</span>
          <button
            type="button"
            class="icon"
            aria-label="Hide"
            onClick={() => {
              notebook.fault.value = '';
            }}
          >
            <Icon name="cross" />
          </button>
        </div>
      )}
      {notebook.sharedAt.value !== '' && (
        <div class="note" role="status">
          <Icon name="share" />
          <span class="grow">
            A copy can be read at{' '}
            <a href={notebook.sharedAt.value} target="_blank" rel="noreferrer">
              {notebook.sharedAt.value}
            </a>
          </span>
          <button type="button" class="btn" onClick={() => void copyText(notebook.sharedAt.value)}>
            Copy link
          </button>
        </div>
      )}
      {notebook.saving.value === 'conflict' && (
        <div class="note" role="alert">
          <Icon name="warn" />
          <span class="grow">This notebook was changed in another window.</span>
          <button type="button" class="btn" onClick={() => location.reload()}>
            Take theirs
          </button>
          <button type="button" class="btn" onClick={() => void notebook.save(true)}>
            Keep mine
          </button>
        </div>
      )}
      {notebook.hasLost.value && !isHidden && !notebook.going.value && (
        <div class="note" role="status">
          <Icon name="warn" />
          <span class="grow">The variables of earlier runs are gone. The files are all here.</span>
          <button type="button" class="btn" onClick={() => void notebook.runAll(former)}>
            Run the {plural(former.length, 'cell')} again
          </button>
          <button type="button" class="icon" aria-label="Hide" onClick={() => hide(true)}>
            <Icon name="cross" />
          </button>
        </div>
      )}
    </>
  );
}
