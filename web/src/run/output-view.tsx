import { useState } from 'preact/hooks';
import type { Artifact, ProgramError } from '../api/types.ts';
import { Icon } from '../app/icons.tsx';
import { bytes, count, plural } from '../app/words.ts';
import { fileAddress } from '../files/address.ts';
import { copyText } from '../files/save.ts';
import { BundleView } from './bundle-view.tsx';
import { InputLine } from './input-line.tsx';
import { outcomeWords } from './outcome.ts';
import type { Run } from './run.ts';
import { TextLog } from './text-log.ts';
import { TextView } from './text-view.tsx';

/** Text of a run, in which the error is told separately. */
export function hasOutput(run: Run): boolean {
  return (
    run.parts.value.length > 0 ||
    run.error.value !== undefined ||
    run.fault.value !== '' ||
    run.question.value !== undefined ||
    run.artifacts.value.length > 0 ||
    (run.ending.value !== undefined && outcomeWords(run.ending.value, false) !== undefined)
  );
}

/** What a run printed and showed, in the order it came, then its error and what ended it. */
export function OutputView({ run, withRich = true }: { run: Run; withRich?: boolean }) {
  const isOver = run.isOver;
  const ending = run.ending.value;
  const error = run.error.value;
  const wasInterrupted = error?.name === 'KeyboardInterrupt';
  const ended = ending && outcomeWords(ending, wasInterrupted);
  return (
    <>
      {run.parts.value.map((part, at) => {
        switch (part.kind) {
          case 'text':
            return <TextView key={at} part={part} isOver={isOver} />;
          case 'gap':
            return (
              <div key={at} class="fold">
                <span>{plural(part.count, 'event')} left out: more came than the service keeps</span>
              </div>
            );
          default:
            return withRich ? <BundleView key={at} bundle={part.bundle.value} /> : null;
        }
      })}
      {run.question.value && <InputLine run={run} question={run.question.value} />}
      {error && !wasInterrupted && <ErrorView error={error} />}
      {ended && <p class={wasInterrupted ? 'muted small' : 'err small'}>{ended}</p>}
      {ending?.state === 'restored' && (
        <p class="muted small">
          {ending.restored?.message ?? 'The variables of earlier runs were gone; the files were there.'}
        </p>
      )}
      {run.fault.value !== '' && (
        <p class="err" role="alert">
          {run.fault.value}
        </p>
      )}
      {withRich && run.artifacts.value.length > 0 && <Files artifacts={run.artifacts.value} />}
      {ending && ending.lost.length > 0 && (
        <p class="err small">Not kept: {ending.lost.map(({ path, reason }) => `${path} (${reason})`).join(', ')}</p>
      )}
    </>
  );
}

/** Name and value first; the traceback on demand. */
function ErrorView({ error }: { error: ProgramError }) {
  const [isOpen, open] = useState(false);
  const [isCopied, setCopied] = useState(false);
  const [log] = useState(() => {
    const made = new TextLog();
    made.write(error.traceback.join('\n'), false);
    return made;
  });
  const text = log.text();
  return (
    <div>
      <pre>
        <b class="err">
          {error.name}: {error.value}
        </b>
      </pre>
      {error.traceback.length > 0 && (
        <div class="fold">
          <span>{placeWords(text)}</span>
          <button type="button" aria-expanded={isOpen} onClick={() => open(!isOpen)}>
            {isOpen ? 'Hide traceback' : 'Show traceback'}
          </button>
          <button type="button" onClick={async () => setCopied(await copyText(text))}>
            {isCopied ? 'Copied' : 'Copy error'}
          </button>
        </div>
      )}
      {isOpen && <pre>{text}</pre>}
    </div>
  );
}

function placeWords(traceback: string): string {
  const line = errorLine(traceback);
  const frames = traceback.match(/^\s*File /gm)?.length ?? 0;
  const where = line === undefined ? 'Traceback' : `line ${line} of this cell`;
  return frames > 1 ? `${where} · ${count(frames)} frames` : where;
}

/** The line of the cell in which an error came up, from 1; the last one that its traceback names. */
export function errorLine(traceback: string): number | undefined {
  const own = [
    ...traceback.matchAll(
      /(?:File "<?(?:cell|ipython-input|main)[^"]*"|Cell In\s*\[\d*\]),? line (\d+)|<cell[^>]*>:(\d+)/g,
    ),
  ];
  const last = own.at(-1);
  return last ? Number(last[1] ?? last[2]) : undefined;
}

export function Files({ artifacts }: { artifacts: readonly Artifact[] }) {
  return (
    <div class="chips">
      {artifacts.map(({ id, session_id: session, path, size, change }) => (
        <a key={id} class="chip" href={fileAddress(session, path)}>
          <Icon name="file" />
          {path}
          <span class="muted small num">{bytes(size)}</span>
          <span class={change === 'created' ? 'tag' : 'tag ch'}>{change === 'created' ? 'new' : 'changed'}</span>
        </a>
      ))}
    </div>
  );
}
