import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { bytes, count, plural } from '../app/words.ts';
import { cpuTime } from './ages.ts';
import { OwnerCell } from './owner.tsx';
import { usePoll } from './poll.ts';
import { OpsTable } from './table.tsx';
import type { Storage, Usage } from './types.ts';
import type { UsageChartProps } from './usage-chart.tsx';

const measures = {
  cpu_ms: 'Processor time',
  executions: 'Executions',
  bytes_stored: 'Bytes written',
} as const;

export type Measure = keyof typeof measures;

/** What keys and users used, by day, and what they store now. */
export function UsageView() {
  const [days, setDays] = useState(30);
  const [measure, setMeasure] = useState<Measure>('cpu_ms');
  const { data, fault } = usePoll<Usage>(`/admin/usage?days=${days}&limit=20`, 5000);
  const { data: stored } = usePoll<Storage>('/admin/storage?limit=20', 5000);
  const [Chart, setChart] = useState<ComponentType<UsageChartProps> | undefined>(undefined);
  useEffect(() => {
    void import('./usage-chart.tsx').then(({ UsageChart }) => setChart(() => UsageChart));
  }, []);
  return (
    <>
      <h2>Use by key and day</h2>
      <div class="row">
        <label>
          Show{' '}
          <select value={measure} onChange={(event) => setMeasure(event.currentTarget.value as Measure)}>
            {Object.entries(measures).map(([name, words]) => (
              <option key={name} value={name}>
                {words}
              </option>
            ))}
          </select>
        </label>
        <label>
          of{' '}
          <select value={days} onChange={(event) => setDays(Number(event.currentTarget.value))}>
            {[7, 30, 92].map((each) => (
              <option key={each} value={each}>
                {each} days
              </option>
            ))}
          </select>
        </label>
      </div>
      {fault !== '' && <p class="err">{fault}</p>}
      {data && data.days.length > 0 && Chart && <Chart usage={data} measure={measure} title={measures[measure]} />}
      <OpsTable
        label="Use by key"
        rows={data?.owners}
        keyOf={({ owner }) => owner.id}
        empty={`Nothing was used in the last ${days} days.`}
        columns={[
          { title: 'Key', cell: ({ owner }) => <OwnerCell owner={owner} /> },
          { title: 'Executions', isNumber: true, cell: ({ total }) => count(total.executions) },
          { title: 'Processor time', isNumber: true, cell: ({ total }) => cpuTime(total.cpu_ms) },
          { title: 'Running time', isNumber: true, cell: ({ total }) => cpuTime(total.wall_ms) },
          { title: 'Written', isNumber: true, cell: ({ total }) => bytes(total.bytes_stored) },
          { title: 'Downloaded', isNumber: true, cell: ({ total }) => bytes(total.bytes_served) },
        ]}
      />
      {data && data.other_owners > 0 && (
        <p class="muted small">
          {plural(data.other_owners, 'key or user', 'keys and users')} more are in the plot alone.
        </p>
      )}
      <h2>Stored now{stored ? `: ${bytes(stored.bytes)} in ${plural(stored.files, 'file')}` : ''}</h2>
      <OpsTable
        label="Stored by key"
        rows={stored?.owners}
        keyOf={({ owner }) => owner.id}
        empty="No key stores anything."
        columns={[
          { title: 'Key', cell: ({ owner }) => <OwnerCell owner={owner} /> },
          { title: 'Files', isNumber: true, cell: ({ files }) => count(files) },
          { title: 'Size', isNumber: true, cell: ({ bytes: size }) => bytes(size) },
        ]}
      />
    </>
  );
}
