import { useEffect, useState } from 'preact/hooks';
import { ApiError, messageOf, send } from '../api/http.ts';
import type { StoredFile } from '../api/types.ts';
import { count, plural } from '../app/words.ts';
import { OutputFrame } from '../run/output-frame.tsx';
import { previewPath, servedKind } from './preview-address.ts';

interface Column {
  readonly name: string;
  readonly type: string;
  readonly empty: number;
  readonly examples: readonly string[];
}

/** As the API has it, as far as it is shown. */
interface Summary {
  readonly kind: string;
  readonly title?: string;
  readonly tables?: readonly {
    readonly name: string;
    readonly rows: number | null;
    readonly columns: readonly Column[];
  }[];
  readonly table_count?: number;
  readonly pages?: number;
  readonly words?: number;
  readonly entry_count?: number;
  readonly seconds?: number;
  readonly width?: number;
  readonly height?: number;
  readonly details?: Readonly<Record<string, string>>;
}

/** Rows that the service shows at once. */
const rowsAtOnce = 200;
const mostTries = 20;

type Loaded = { readonly answer: Response } | { readonly fault: string } | undefined;

/** Asks for a preview, again while others of this key are being made. */
function usePreview(path: string): Loaded {
  const [loaded, setLoaded] = useState<{ path: string; result: Loaded }>({ path, result: undefined });
  useEffect(() => {
    const gone = new AbortController();
    const load = async () => {
      for (let tries = 1; ; tries++) {
        try {
          return { answer: await send('GET', path, { signal: gone.signal }) };
        } catch (error) {
          const isBusy = error instanceof ApiError && [429, 503].includes(error.status) && tries < mostTries;
          if (!isBusy) return { fault: messageOf(error) };
          await new Promise((resolve) => setTimeout(resolve, Math.max(1, error.retryAfterSeconds) * 1000));
          if (gone.signal.aborted) return undefined;
        }
      }
    };
    void load().then((result) => {
      if (!gone.signal.aborted) setLoaded({ path, result });
    });
    return () => gone.abort();
  }, [path]);
  return loaded.path === path ? loaded.result : undefined;
}

/** A file as the service shows it: it is opened in a sandbox, and what comes of it is shown as what programs make. */
export function ServedPreview({ file }: { file: StoredFile }) {
  const kind = servedKind(file.path);
  const [sheet, setSheet] = useState(1);
  const [offset, setOffset] = useState(0);
  const [page, setPage] = useState(1);
  const summary = useSummary(file);
  const table = summary?.tables?.[sheet - 1];
  const sheets = Math.min(summary?.table_count ?? 0, 200);
  return (
    <>
      {summary && <Facts summary={summary} />}
      {kind === 'table' && sheets > 1 && (
        <p class="row">
          <label>
            Sheet{' '}
            <select
              value={sheet}
              onChange={(event) => {
                setSheet(Number(event.currentTarget.value));
                setOffset(0);
              }}
            >
              {Array.from({ length: sheets }, (_, at) => (
                <option key={at} value={at + 1}>
                  {summary?.tables?.[at]?.name ?? `${at + 1}`}
                </option>
              ))}
            </select>
          </label>
        </p>
      )}
      {kind === 'table' && table && <Columns columns={table.columns} />}
      {kind === 'table' && (table?.rows ?? 0) > rowsAtOnce && (
        <Steps
          what="Rows"
          words={`${count(offset + 1)} to ${count(Math.min(offset + rowsAtOnce, table!.rows!))} of ${count(table!.rows!)}`}
          back={offset > 0 ? () => setOffset(offset - rowsAtOnce) : undefined}
          on={offset + rowsAtOnce < table!.rows! ? () => setOffset(offset + rowsAtOnce) : undefined}
        />
      )}
      {kind === 'pages' && (
        <>
          <Steps
            what="Page"
            words={`${page} of ${summary?.pages ?? '…'}`}
            back={page > 1 ? () => setPage(page - 1) : undefined}
            on={page < (summary?.pages ?? 0) ? () => setPage(page + 1) : undefined}
          />
          <Picture file={file} page={page} />
        </>
      )}
      {kind === 'picture' && <Picture file={file} page={1} />}
      {kind !== 'picture' && <Html file={file} more={{ sheet, offset, page }} isBehind={kind === 'pages'} />}
    </>
  );
}

function useSummary(file: StoredFile): Summary | undefined {
  const loaded = usePreview(previewPath(file.session_id, file.path, 'json'));
  const [summary, setSummary] = useState<Summary | undefined>(undefined);
  useEffect(() => {
    setSummary(undefined);
    if (loaded && 'answer' in loaded) void loaded.answer.json().then(setSummary, () => {});
  }, [loaded]);
  return summary;
}

/** What is known of a file, in one line. */
function Facts({ summary }: { summary: Summary }) {
  const { title, pages, words, table_count: tables, entry_count: entries, seconds, width, height, details } = summary;
  const facts = [
    title,
    pages !== undefined && plural(pages, 'page'),
    words !== undefined && plural(words, 'word'),
    tables !== undefined && tables > 1 && plural(tables, 'table'),
    entries !== undefined && plural(entries, 'entry', 'entries'),
    seconds !== undefined && `${seconds} s`,
    width !== undefined && height !== undefined && `${width}×${height}`,
    details?.author && `by ${details.author}`,
  ].filter(Boolean);
  return facts.length === 0 ? null : <p class="muted small">{facts.join(' · ')}</p>;
}

/** Names and types of columns, and what is empty in them. */
function Columns({ columns }: { columns: readonly Column[] }) {
  return (
    <details>
      <summary>{plural(columns.length, 'column')}</summary>
      <ul class="columns">
        {columns.map(({ name, type, empty, examples }, at) => (
          <li key={at}>
            <b>{name}</b> <span class="muted">{type}</span>
            {empty > 0 && <span class="muted"> · {count(empty)} empty</span>}
            {examples.length > 0 && <span class="muted small"> · {examples.join(', ')}</span>}
          </li>
        ))}
      </ul>
    </details>
  );
}

interface StepsProps {
  readonly what: string;
  readonly words: string;
  readonly back: (() => void) | undefined;
  readonly on: (() => void) | undefined;
}

function Steps({ what, words, back, on }: StepsProps) {
  return (
    <p class="row">
      <button type="button" class="btn" disabled={!back} onClick={back} aria-label={`${what} before`}>
        ‹
      </button>
      <span class="num" role="status">
        {what} {words}
      </span>
      <button type="button" class="btn" disabled={!on} onClick={on} aria-label={`${what} after`}>
        ›
      </button>
    </p>
  );
}

/** A picture by the service. */
function Picture({ file, page }: { file: StoredFile; page: number }) {
  const loaded = usePreview(previewPath(file.session_id, file.path, 'png', { page, width: 1200 }));
  const [address, setAddress] = useState('');
  useEffect(() => {
    let made = '';
    let isOver = false;
    setAddress('');
    if (loaded && 'answer' in loaded)
      void loaded.answer.blob().then((blob) => {
        if (isOver) return;
        made = URL.createObjectURL(blob);
        setAddress(made);
      });
    return () => {
      isOver = true;
      URL.revokeObjectURL(made);
    };
  }, [loaded]);
  if (loaded && 'fault' in loaded) return <p class="err">{loaded.fault}</p>;
  if (address === '') return <Making />;
  return <img class="shown page" src={address} alt={`${file.path}, page ${page}`} />;
}

/** HTML by the service, in a frame that runs nothing of it. */
function Html({
  file,
  more,
  isBehind,
}: {
  file: StoredFile;
  more: Readonly<Record<string, number>>;
  isBehind: boolean;
}) {
  const [isOpen, setOpen] = useState(!isBehind);
  if (!isOpen)
    return (
      <button type="button" class="btn" onClick={() => setOpen(true)}>
        Show its text
      </button>
    );
  return <HtmlFrame file={file} more={more} />;
}

function HtmlFrame({ file, more }: { file: StoredFile; more: Readonly<Record<string, number>> }) {
  const path = previewPath(file.session_id, file.path, 'html', more);
  const loaded = usePreview(path);
  const [show, setShow] = useState<{ kind: string; html: string } | undefined>(undefined);
  useEffect(() => {
    setShow(undefined);
    if (loaded && 'answer' in loaded) void loaded.answer.text().then((html) => setShow({ kind: 'html', html }));
  }, [loaded]);
  if (loaded && 'fault' in loaded)
    return (
      <>
        <p class="err">{loaded.fault}</p>
        <p class="muted">Download it, or read it in a notebook.</p>
      </>
    );
  return show ? <OutputFrame key={path} kind="still" title="Preview of the file" show={show} /> : <Making />;
}

const Making = () => (
  <p class="muted" role="status">
    Making a preview
  </p>
);

/** A small picture in a list. It is asked for when it is in sight; where there is none, its place is empty. */
export function Thumbnail({ sessionId, path, stamp }: { sessionId: string; path: string; stamp: string }) {
  const [isGone, setGone] = useState(false);
  if (isGone) return <span class="thumb" />;
  return (
    <img
      key={stamp}
      class="thumb"
      // The digest makes another address of another content, which a browser would show from its memory.
      src={`/v1${previewPath(sessionId, path, 'png', { width: 96 })}&v=${stamp.slice(0, 16)}`}
      alt=""
      loading="lazy"
      onError={() => setGone(true)}
    />
  );
}
