import { useEffect, useRef, useState } from 'preact/hooks';
import { Icon } from '../app/icons.tsx';
import { languageTitle } from '../app/state.ts';
import { plural } from '../app/words.ts';
import { BundleView } from './bundle-view.tsx';
import { Code } from './code.tsx';
import { Elapsed } from './elapsed.tsx';
import { interrupt } from './interrupt.ts';
import { Files, OutputView } from './output-view.tsx';
import type { Run } from './run.ts';

/** A run inside a chat: one line that opens to code and text; figures and tables always stay in sight. */
export function RunView({ run, isLast }: { run: Run; isLast: boolean }) {
  const status = run.status.value;
  const isGoing = !run.isOver;
  const hasFailed = run.error.value !== undefined || run.fault.value !== '';
  const [isOpen, setOpen] = useState(isGoing);
  const touched = useRef(false);
  useEffect(() => {
    if (!touched.current) setOpen(isGoing || hasFailed);
  }, [isGoing, hasFailed]);
  const lines = run.parts.value.reduce((sum, part) => (part.kind === 'text' ? sum + part.log.lines.length : sum), 0);
  const rich = run.parts.value.flatMap((part) => (part.kind === 'rich' ? [part.bundle] : []));
  return (
    <>
      <div class={isGoing ? 'hold' : ''}>
        <details
          class={isGoing ? 'run going' : 'run'}
          open={isOpen}
          onToggle={(event) => setOpen(event.currentTarget.open)}
        >
          {/* biome-ignore lint/a11y/noStaticElementInteractions: a summary is a control */}
          <summary
            onClick={() => {
              touched.current = true;
            }}
          >
            {isGoing ? <span class="dot run" /> : <Icon name="tri" turns={true} />}
            <span class="what">{titleOf(run)}</span>
            <span class="grow" />
            <span class="muted small num wide">
              {languageTitle(run.language)}
              {lines > 0 && ` · ${plural(lines, 'line')} out`}
            </span>
            <span class="muted small num">
              <Elapsed run={run} />
            </span>
          </summary>
          <Code source={run.code} language={run.language} label="Code that ran" />
          <div class="out">
            <OutputView run={run} withRich={false} />
          </div>
        </details>
        {isGoing && status === 'running' && isLast && (
          <button type="button" class="btn" disabled={run.isInterrupting.value} onClick={() => void interrupt(run)}>
            <Icon name="stop" />
            {run.isInterrupting.value ? 'Interrupting…' : 'Interrupt'}
          </button>
        )}
      </div>
      {rich.map((bundle, at) => (
        <BundleView key={at} bundle={bundle.value} />
      ))}
      {run.artifacts.value.length > 0 && <Files artifacts={run.artifacts.value} />}
    </>
  );
}

/** The first comment of the code says what it is for. */
function titleOf({ code, language }: Pick<Run, 'code' | 'language'>): string {
  const comment = /^\s*(?:#|\/\/)\s*(.{3,80}?)\s*$/m.exec(code)?.[1];
  if (comment && !comment.startsWith('!')) return comment;
  return `Ran ${plural(code.trim() === '' ? 0 : code.trim().split('\n').length, 'line')} of ${languageTitle(language)}`;
}
