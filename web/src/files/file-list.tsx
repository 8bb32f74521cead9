import { useRef } from 'preact/hooks';
import { call, messageOf, pathPart } from '../api/http.ts';
import type { StoredFile } from '../api/types.ts';
import { Icon } from '../app/icons.tsx';
import { announce } from '../app/state.ts';
import { bytes, when } from '../app/words.ts';
import { downloadAddress, fileAddress } from './address.ts';
import { hasThumbnail } from './preview-address.ts';
import { Thumbnail } from './served-preview.tsx';
import { uploadAll } from './upload.ts';
import { Uploads } from './uploads-view.tsx';

interface FileListProps {
  readonly sessionId: string;
  readonly files: readonly StoredFile[];
  readonly onChange: () => void;
  readonly onUse?: (path: string) => void;
}

/** The files of a session: seen, downloaded, removed, and new ones brought. */
export function FileList({ sessionId, files, onChange, onUse }: FileListProps) {
  const chooser = useRef<HTMLInputElement>(null);
  const add = async (chosen: readonly File[]) => {
    await uploadAll(sessionId, chosen);
    onChange();
  };
  const remove = async (path: string) => {
    if (!confirm(`Delete ${path}?`)) return;
    try {
      await call('DELETE', `/sessions/${sessionId}/files/${pathPart(path)}`);
    } catch (error) {
      announce(messageOf(error));
    }
    onChange();
  };
  return (
    <>
      <div class="pad row">
        <input
          ref={chooser}
          type="file"
          multiple
          hidden
          onChange={(event) => {
            const chosen = [...(event.currentTarget.files ?? [])];
            event.currentTarget.value = '';
            void add(chosen);
          }}
        />
        <button type="button" class="btn" onClick={() => chooser.current?.click()}>
          <Icon name="up" />
          Upload
        </button>
      </div>
      <div class="pad">
        <Uploads />
      </div>
      {files.length === 0 && <p class="pad small muted">Files that you upload and that code makes appear here.</p>}
      <ul class="kv">
        {files.map(({ id, path, size, created_at: at, source, sha256 }) => (
          <li key={id}>
            <a class="named" href={fileAddress(sessionId, path)}>
              {hasThumbnail(path) ? (
                <Thumbnail sessionId={sessionId} path={path} stamp={sha256} />
              ) : (
                <span class="thumb" />
              )}
              {path}
            </a>
            <a
              class="btn icon"
              href={downloadAddress(sessionId, path)}
              download={path.slice(path.lastIndexOf('/') + 1)}
              aria-label={`Download ${path}`}
            >
              <Icon name="down" />
            </a>
            <button type="button" class="icon" aria-label={`Delete ${path}`} onClick={() => void remove(path)}>
              <Icon name="trash" />
            </button>
            <small class="num">
              {bytes(size)} · {source === 'program' ? 'made by code' : 'uploaded'} {when(at)}
            </small>
            {onUse && (
              <button type="button" class="small" onClick={() => onUse(path)}>
                Read in a cell
              </button>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}
