import { useEffect, useState } from 'preact/hooks';
import { call, messageOf, send } from '../api/http.ts';
import type { StoredFile } from '../api/types.ts';
import { Icon } from '../app/icons.tsx';
import { bytes, when } from '../app/words.ts';
import { StaticNotebook } from '../notebook/static-notebook.tsx';
import { Code } from '../run/code.tsx';
import { HtmlView } from '../run/html-view.tsx';
import { JsonTree } from '../run/json-tree.tsx';
import { Markdown } from '../run/markdown.tsx';
import { type Table, TableView } from '../run/table-view.tsx';
import { downloadAddress } from './address.ts';
import { servedKind } from './preview-address.ts';
import { ServedPreview } from './served-preview.tsx';

/** Text of a file that is read for showing it. */
const mostText = 512 * 1024;
const images = ['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/svg+xml'];

/** A file of a session: what it holds, where its type can be shown, and its bytes to download. */
export function FileView({ sessionId, path }: { sessionId: string; path: string }) {
  const [file, setFile] = useState<StoredFile | undefined>(undefined);
  const [fault, setFault] = useState('');
  useEffect(() => {
    call<{ data: readonly StoredFile[] }>('GET', `/sessions/${sessionId}/files`).then(
      ({ data }) => {
        const found = data.find((each) => each.path === path);
        setFile(found);
        setFault(found ? '' : 'This file is no longer there.');
      },
      (error) => setFault(messageOf(error)),
    );
  }, [sessionId, path]);
  const name = path.slice(path.lastIndexOf('/') + 1);
  return (
    <main aria-label="File">
      <header class="top">
        <h1>{path}</h1>
        {file && (
          <span class="muted small num">
            {bytes(file.size)} · {file.source === 'program' ? 'made by code' : 'uploaded'} {when(file.created_at)}
          </span>
        )}
        <span class="grow" />
        <a class="btn" href={`/ui/notebook/${sessionId}`}>
          <Icon name="book" />
          Open its notebook
        </a>
        {file && (
          <a class="btn" href={downloadAddress(sessionId, path)} download={name}>
            <Icon name="down" />
            Download
          </a>
        )}
      </header>
      <section class="scroll" tabIndex={0} aria-label="Preview">
        <div class="plain">
          {fault !== '' && <p class="err">{fault}</p>}
          {file && (servedKind(path) ? <ServedPreview file={file} /> : <Preview file={file} />)}
        </div>
      </section>
    </main>
  );
}

/** Shows what needs no program to be read. */
function Preview({ file }: { file: StoredFile }) {
  const [text, setText] = useState<string | undefined>(undefined);
  const [fault, setFault] = useState('');
  const address = downloadAddress(file.session_id, file.path);
  const isImage = images.includes(file.mime.split(';')[0]!);
  useEffect(() => {
    if (isImage) return;
    const headers: Record<string, string> = file.size > 0 ? { range: `bytes=0-${mostText - 1}` } : {};
    send('GET', address.slice('/v1'.length), { headers })
      .then((answer) => answer.arrayBuffer())
      .then((content) => setText(textOf(new Uint8Array(content))))
      .catch((error) => setFault(messageOf(error)));
  }, [address, isImage, file.size]);
  if (isImage) return <img class="shown" src={address} alt={file.path} />;
  if (fault !== '') return <p class="err">{fault}</p>;
  if (text === undefined) return <p class="muted">Loading</p>;
  // What is no text, the service may know.
  if (text === '') return <ServedPreview file={file} />;
  return (
    <>
      <Shown name={file.path.toLowerCase()} text={text} />
      {file.size > mostText && (
        <p class="muted small">
          The first {bytes(mostText)} of {bytes(file.size)}.
        </p>
      )}
    </>
  );
}

/** Text, or an empty string for what is none. */
function textOf(content: Uint8Array): string {
  if (content.subarray(0, 8192).includes(0)) return '';
  return content.length === 0 ? ' ' : new TextDecoder().decode(content);
}

function Shown({ name, text }: { name: string; text: string }) {
  const ending = name.slice(name.lastIndexOf('.') + 1);
  try {
    if (ending === 'csv' || ending === 'tsv') return <TableView table={tableOf(text, ending === 'csv' ? ',' : '\t')} />;
    if (ending === 'md') return <Markdown source={text} />;
    if (ending === 'html' || ending === 'htm') return <HtmlView html={text} />;
    if (ending === 'json') return <JsonTree value={JSON.parse(text)} />;
    if (ending === 'ipynb') return <StaticNotebook file={JSON.parse(text)} />;
  } catch {
    // It is not what its name says: then it is text.
  }
  return <Code source={text} language={ending} label={name} />;
}

/** The first rows of separated values. */
function tableOf(text: string, separator: string): Table {
  const rows: string[][] = [[]];
  let at = 0;
  let isQuoted = false;
  let field = '';
  for (; at < text.length && rows.length <= 1001; at++) {
    const letter = text[at]!;
    if (isQuoted && letter === '"' && text[at + 1] === '"') field += text[++at];
    else if (letter === '"' && (isQuoted || field === '')) isQuoted = !isQuoted;
    else if (!isQuoted && (letter === separator || letter === '\n')) {
      rows.at(-1)!.push(field.replace(/\r$/, ''));
      field = '';
      if (letter === '\n') rows.push([]);
    } else field += letter;
  }
  if (field !== '') rows.at(-1)!.push(field);
  if (rows.at(-1)!.length === 0 || at < text.length) rows.pop();
  const [head = [], ...data] = rows;
  const isNumber = (column: number) => data.every((row) => row[column] === '' || !Number.isNaN(Number(row[column])));
  return {
    columns: head.map((name, column) => ({ name, type: isNumber(column) ? 'float' : 'text' })),
    index: data.map((_, row) => row),
    data: data.map((row) => head.map((_, column) => (row[column] === '' ? null : row[column]))),
    shape: [data.length, head.length],
  };
}
