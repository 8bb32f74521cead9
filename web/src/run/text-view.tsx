import { useContext, useEffect, useRef, useState } from 'preact/hooks';
import { bytes, count } from '../app/words.ts';
import { saveText } from '../files/save.ts';
import type { TextPart } from './run.ts';
import { placesIn, type Source, SourceContext } from './source-places.ts';
import type { Line } from './text-log.ts';

const foldFrom = 60;
const lineHeight = 20;
/** Characters of one line that are shown. */
const longest = 2000;

/** What a program printed: everything, or its beginning and end with an exact count of what is folded. */
export function TextView({ part, isOver }: { part: TextPart; isOver: boolean }) {
  part.version.value;
  const [isWhole, setWhole] = useState(false);
  const { lines } = part.log;
  if (lines.length === 0) return null;
  if (isWhole) return <WholeText part={part} onFold={() => setWhole(false)} />;
  if (lines.length <= foldFrom) return <Lines lines={lines} />;
  const [head, tail] = isOver ? [30, 10] : [20, 40];
  const folded = lines.length - head - tail;
  return (
    <div>
      <Lines lines={lines.slice(0, head)} />
      <div class="fold">
        <span>{count(folded)} lines folded</span>
        <button type="button" onClick={() => setWhole(true)}>
          Show all
        </button>
        <button type="button" onClick={() => saveText('output.txt', part.log.text())}>
          Save as text
        </button>
      </div>
      <Lines lines={lines.slice(-tail)} />
    </div>
  );
}

/** Consecutive lines of one stream stand together; stderr has a thin line at its left: warnings are no errors. */
function Lines({ lines }: { lines: readonly Line[] }) {
  const source = useContext(SourceContext);
  const groups: { isError: boolean; lines: Line[] }[] = [];
  for (const line of lines) {
    const last = groups.at(-1);
    if (last?.isError === line.isError) last.lines.push(line);
    else groups.push({ isError: line.isError, lines: [line] });
  }
  return (
    <>
      {groups.map((group, index) => (
        <pre key={index} class={group.isError ? 'err-lines' : ''}>
          {group.lines.map((line, at) => [at > 0 && '\n', ...lineNodes(line, source)])}
        </pre>
      ))}
    </>
  );
}

/** Its text in its colours; places of the source lead there. */
function lineNodes({ text, marks }: Line, source: Source | undefined) {
  const shown = text.length > longest ? text.slice(0, longest) : text;
  const nodes = [];
  let at = 0;
  for (const place of source ? placesIn(shown, source) : []) {
    nodes.push(...coloured(shown, marks, at, place.from));
    nodes.push(
      <button type="button" class="place" onClick={() => source?.go(place.line, place.column)}>
        {coloured(shown, marks, place.from, place.to)}
      </button>,
    );
    at = place.to;
  }
  nodes.push(...coloured(shown, marks, at, shown.length));
  if (text.length > longest) nodes.push(<span class="muted"> … {bytes(text.length - longest)} more</span>);
  return nodes;
}

/** A part of a line in its colours. */
function coloured(text: string, marks: Line['marks'], from: number, end: number) {
  const nodes = [];
  let at = from;
  for (const mark of [...marks].sort((a, b) => a.from - b.from)) {
    const [first, last] = [Math.max(at, mark.from), Math.min(end, mark.to)];
    if (first >= last) continue;
    if (first > at) nodes.push(text.slice(at, first));
    nodes.push(<span class={mark.style}>{text.slice(first, last)}</span>);
    at = last;
  }
  if (at < end) nodes.push(text.slice(at, end));
  return nodes;
}

/** All lines, of which only those in sight have nodes. */
function WholeText({ part, onFold }: { part: TextPart; onFold: () => void }) {
  part.version.value;
  const source = useContext(SourceContext);
  const { lines } = part.log;
  const [top, setTop] = useState(0);
  const [find, setFind] = useState('');
  const [found, setFound] = useState('');
  const scroller = useRef<HTMLDivElement>(null);
  const first = Math.max(0, Math.floor(top / lineHeight) - 20);
  const shown = lines.slice(first, first + 120);
  const search = () => {
    const from = Math.floor(top / lineHeight) + 1;
    const order = [...lines.keys()].map((index) => (index + from) % lines.length);
    const hit = order.find((index) => lines[index]!.text.includes(find));
    setFound(hit === undefined ? 'not found' : `line ${count(hit + 1)}`);
    if (hit !== undefined) scroller.current?.scrollTo({ top: hit * lineHeight });
  };
  useEffect(() => scroller.current?.focus(), []);
  return (
    <div>
      <form
        class="fold"
        onSubmit={(event) => {
          event.preventDefault();
          search();
        }}
      >
        <span>{count(lines.length)} lines</span>
        <button type="button" onClick={onFold}>
          Fold
        </button>
        <button type="button" onClick={() => saveText('output.txt', part.log.text())}>
          Save as text
        </button>
        <input aria-label="Find in this text" value={find} onInput={(event) => setFind(event.currentTarget.value)} />
        <button type="submit" disabled={find === ''}>
          Find
        </button>
        <span role="status">{found}</span>
      </form>
      <section
        ref={scroller}
        class="lines"
        tabIndex={0}
        aria-label="Whole output"
        onScroll={(event) => setTop(event.currentTarget.scrollTop)}
      >
        <div style={{ height: `${lines.length * lineHeight}px` }}>
          <pre style={{ top: `${first * lineHeight}px` }}>
            {shown.map((line, index) => [index > 0 && '\n', ...lineNodes(line, source)])}
          </pre>
        </div>
      </section>
    </div>
  );
}
