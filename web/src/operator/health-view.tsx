import { useEffect, useState } from 'preact/hooks';
import { call, messageOf } from '../api/http.ts';
import { Icon } from '../app/icons.tsx';
import { when } from '../app/words.ts';
import { IdCell } from './owner.tsx';
import { usePoll } from './poll.ts';
import { OpsTable } from './table.tsx';
import type { Examination, Fault } from './types.ts';

/** What failed and was refused, and what the host has and lacks. */
export function HealthView() {
  const [kind, setKind] = useState<'failed' | 'refused'>('failed');
  const { data, fault } = usePoll<{ data: readonly Fault[] }>(`/admin/errors?kind=${kind}&limit=100`, 5000);
  return (
    <>
      <h2>Requests of the last day</h2>
      <div class="row">
        <label>
          Show those{' '}
          <select value={kind} onChange={(event) => setKind(event.currentTarget.value as 'failed' | 'refused')}>
            <option value="failed">that failed here</option>
            <option value="refused">that were refused</option>
          </select>
        </label>
      </div>
      {fault !== '' && <p class="err">{fault}</p>}
      <OpsTable
        label="Requests that failed or were refused"
        rows={data?.data}
        keyOf={({ request_id: id, at }) => `${id} ${at}`}
        empty={kind === 'failed' ? 'No request failed since the service started.' : 'No request was refused.'}
        columns={[
          { title: 'Time', isNumber: true, cell: ({ at }) => when(at) },
          { title: 'Status', isNumber: true, cell: ({ status }) => status },
          { title: 'Code', cell: ({ code }) => code },
          { title: 'Route', cell: ({ method, route }) => `${method} ${route}` },
          { title: 'Key', cell: ({ caller }) => caller ?? 'not known' },
          { title: 'Request id', cell: ({ request_id: id }) => <IdCell id={id} /> },
        ]}
      />
      <p class="muted small">The log of the service tells more of a request by its id.</p>
      <Doctor />
    </>
  );
}

const words = { present: 'there', missing: 'missing', absent: 'not there, not needed' } as const;

function Doctor() {
  const [found, setFound] = useState<Examination | undefined>(undefined);
  const [isBusy, setBusy] = useState(false);
  const [fault, setFault] = useState('');
  const examine = async () => {
    setBusy(true);
    setFault('');
    await call<Examination>('GET', '/admin/doctor').then(setFound, (error) => setFault(messageOf(error)));
    setBusy(false);
  };
  useEffect(() => {
    void examine();
  }, []);
  return (
    <>
      <h2>The host</h2>
      <div class="row">
        <span role="status">
          {isBusy
            ? 'The doctor looks at the host and makes a sandbox. This takes some seconds.'
            : found && (found.usable ? 'The host has everything that is needed.' : 'The host lacks something.')}
        </span>
        <span class="grow" />
        <button type="button" class="btn" disabled={isBusy} onClick={() => void examine()}>
          <Icon name="redo" />
          Look again
        </button>
      </div>
      {fault !== '' && <p class="err">{fault}</p>}
      {found?.remedies.map((remedy) => (
        <p key={remedy} class="note">
          <Icon name="warn" />
          <span class="grow">{remedy}</span>
        </p>
      ))}
      {found && (
        <OpsTable
          label="What the host has"
          rows={found.checks}
          keyOf={({ name }) => name}
          empty=""
          columns={[
            { title: 'What', cell: ({ name }) => name },
            {
              title: 'State',
              cell: ({ state }) => <span class={state === 'missing' ? 'err' : ''}>{words[state]}</span>,
            },
            { title: 'Detail', cell: ({ detail }) => <span class="wrap">{detail}</span> },
          ]}
        />
      )}
    </>
  );
}
