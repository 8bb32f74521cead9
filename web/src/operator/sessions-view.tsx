import { useState } from 'preact/hooks';
import { call } from '../api/http.ts';
import type { Page } from '../api/types.ts';
import { announce, languageTitle } from '../app/state.ts';
import { bytes, when } from '../app/words.ts';
import { age } from './ages.ts';
import { Ask, type Question } from './ask.tsx';
import { IdCell, OwnerCell, ownerName } from './owner.tsx';
import { usePoll } from './poll.ts';
import { OpsTable } from './table.tsx';
import { Told } from './told.tsx';
import type { ObservedSession } from './types.ts';

/** Sessions of all keys: those with a sandbox, or all of them in pages. */
export function SessionsView() {
  const [state, setState] = useState<'live' | 'all'>('live');
  const [pages, setPages] = useState<readonly string[]>([]);
  const after = pages.at(-1);
  const path = `/admin/sessions?limit=50&state=${state}${after === undefined ? '' : `&after=${after}`}`;
  const { data, fault, again } = usePoll<Page<ObservedSession>>(path, 5000);
  const [question, setQuestion] = useState<Question | undefined>(undefined);
  const [said, setSaid] = useState('');
  const done = (sentence: string) => {
    setQuestion(undefined);
    setSaid(sentence);
    announce(sentence);
    again();
  };
  const choose = (wanted: 'live' | 'all') => {
    setState(wanted);
    setPages([]);
  };
  const release = (session: ObservedSession) =>
    setQuestion({
      title: 'End this sandbox?',
      text: `It is of ${ownerName(session.owner)}. What runs in it ends and its variables are gone; its files stay, and its next code gets another sandbox.`,
      verb: 'End it',
      act: async () => {
        const { released } = await call<{ released: boolean }>('POST', `/admin/sessions/${session.id}/release`);
        return released ? 'The sandbox has ended.' : 'The session has no sandbox any more.';
      },
    });
  const last = data?.data.at(-1);
  return (
    <>
      <h2>Sessions</h2>
      <div class="row">
        <label>
          Show{' '}
          <select value={state} onChange={(event) => choose(event.currentTarget.value as 'live' | 'all')}>
            <option value="live">those with a sandbox</option>
            <option value="all">all, newest first</option>
          </select>
        </label>
        <span class="grow" />
        {pages.length > 0 && (
          <button type="button" class="btn" onClick={() => setPages(pages.slice(0, -1))}>
            Page before
          </button>
        )}
        {data?.has_more && last && (
          <button type="button" class="btn" onClick={() => setPages([...pages, last.id])}>
            Next page
          </button>
        )}
      </div>
      <Told fault={fault} said={said} />
      <OpsTable
        label="Sessions"
        rows={data?.data}
        keyOf={({ id }) => id}
        empty={state === 'live' ? 'No session has a sandbox now.' : 'There are no sessions.'}
        columns={[
          { title: 'Key', cell: ({ owner }) => <OwnerCell owner={owner} /> },
          { title: 'State', cell: stateWords },
          { title: 'Variables', cell: ({ kernels }) => kernels.map(languageTitle).join(', ') || 'none' },
          { title: 'Last used', isNumber: true, cell: ({ last_active_at: at }) => `${age(at)} ago` },
          { title: 'Kept until', isNumber: true, cell: ({ expires_at: at }) => when(at) },
          { title: 'Memory, most', isNumber: true, cell: ({ memory_bytes: size }) => bytes(size) },
          { title: 'Id', cell: ({ id }) => <IdCell id={id} /> },
          {
            title: 'End',
            cell: (session) =>
              session.state === 'live' && (
                <button
                  type="button"
                  class="btn danger"
                  aria-label={`End sandbox of session ${session.id} of ${ownerName(session.owner)}`}
                  onClick={() => release(session)}
                >
                  End sandbox
                </button>
              ),
          },
        ]}
      />
      <Ask question={question} onDone={done} />
    </>
  );
}

function stateWords({ state, busy }: ObservedSession) {
  if (state === 'expired') return 'expired';
  if (state === 'dormant') return 'files only';
  return (
    <span class="live">
      <span class={busy ? 'dot run' : 'dot'} /> {busy ? 'runs' : 'idle'}
    </span>
  );
}
