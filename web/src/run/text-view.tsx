import { useEffect, useRef, useState } from 'preact/hooks';
import { bytes, count } from '../app/words.ts';
import { saveText } from '../files/save.ts';
import type { TextPart } from './run.ts';
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
          {group.lines.map((line, at) => [at > 0 && '\n', ...lineNodes(line)])}
        </pre>
      ))}
    </>
  );
}

function lineNodes({ text, marks }: Line) {
  const shown = text.length > longest ? text.slice(0, longest) : text;
  const nodes = [];
  let at = 0;
  for (const { from, to, style } of [...marks].sort((a, b) => a.from - b.from)) {
    if (from >= shown.length) break;
    if (from > at) nodes.push(shown.slice(at, from));
    nodes.push(<span class={style}>{shown.slice(from, to)}</span>);
    at = to;
  }
  nodes.push(shown.slice(at));
  if (text.length > longest) nodes.push(<span class="muted"> … {bytes(text.length - longest)} more</span>);
  return nodes;
}

/** All lines, of which only those in sight have nodes. */
function WholeText({ part, onFold }: { part: TextPart; onFold: () => void }) {
  part.version.value;
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
            {shown.map((line, index) => [index > 0 && '\n', ...lineNodes(line)])}
          </pre>
        </div>
      </section>
    </div>
  );
}
