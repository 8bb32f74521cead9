import { useEffect, useState } from 'preact/hooks';
import { call, messageOf } from '../api/http.ts';
import type { StoredFile } from '../api/types.ts';
import { sessions } from '../app/state.ts';
import { FileList } from './file-list.tsx';
import { FileView } from './file-view.tsx';

/** `files`: those of each session; `files/{session}/{path}`: one file. */
export function FilesPage({ rest }: { rest: string }) {
  const at = rest.indexOf('/');
  if (at > 0) return <FileView sessionId={rest.slice(0, at)} path={rest.slice(at + 1)} />;
  return <AllFiles />;
}

function AllFiles() {
  const [chosen, choose] = useState(sessions.value[0]?.id ?? '');
  const [files, setFiles] = useState<readonly StoredFile[]>([]);
  const [fault, setFault] = useState('');
  const load = () => {
    if (chosen === '') return;
    call<{ data: readonly StoredFile[] }>('GET', `/sessions/${chosen}/files`).then(
      ({ data }) => {
        setFiles(data);
        setFault('');
      },
      (error) => setFault(messageOf(error)),
    );
  };
  useEffect(() => {
    document.title = 'Files · Dragoman';
    load();
  }, [chosen]);
  return (
    <main aria-label="Files">
      <header class="top">
        <h1>Files</h1>
        <select aria-label="Session" value={chosen} onChange={(event) => choose(event.currentTarget.value)}>
          {sessions.value.map(({ id, name }) => (
            <option key={id} value={id}>
              {name ?? `Untitled ${id.slice(0, 6)}`}
            </option>
          ))}
        </select>
      </header>
      <section class="scroll" tabIndex={0} aria-label="Files of the session">
        <div class="plain">
          {fault !== '' && <p class="err">{fault}</p>}
          {chosen === '' ? (
            <p>Files belong to sessions. Open a notebook or begin a conversation first.</p>
          ) : (
            <FileList sessionId={chosen} files={files} onChange={load} />
          )}
        </div>
      </section>
    </main>
  );
}
