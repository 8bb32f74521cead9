import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Icon } from '../app/icons.tsx';
import { bytes, count } from '../app/words.ts';
import { age } from './ages.ts';
import { usePoll } from './poll.ts';
import { RunningTable } from './runs-view.tsx';
import { SparkLine } from './spark-line.tsx';
import type { Overview } from './types.ts';

const keptSamples = 60;

/** How the service is, in one sentence, and what runs. */
export function OverviewView() {
  const { data, fault } = usePoll<Overview>('/admin/overview', 2000);
  const [samples, setSamples] = useState<readonly Overview[]>([]);
  useEffect(() => {
    if (data) setSamples((before) => [...before.slice(1 - keptSamples), data]);
  }, [data]);
  if (!data) return fault === '' ? <p class="muted">Loading</p> : <p class="err">{fault}</p>;
  const { sandboxes, memory, disk, problems } = data;
  const usedMemory = (each: Overview) => each.memory.total_bytes - each.memory.available_bytes;
  return (
    <>
      {fault !== '' && <p class="err">{fault} These numbers are older.</p>}
      <p class="ops-sentence" role="status">
        {data.ready ? 'Working.' : 'Not working.'} {count(data.running)} run, {count(data.waiting)} wait.{' '}
        {problems.length === 0 ? 'Nothing is wrong.' : ''}
      </p>
      {problems.map(({ code, message, mend }) => (
        <div key={code} class="note">
          <Icon name="warn" />
          <span class="grow">
            {message} {mend}
          </span>
          {code === 'queue' && (
            <a class="btn" href="/ui/operator/runs">
              Runs
            </a>
          )}
          {(code === 'failures' || code === 'host' || code === 'not_ready' || code === 'isolation') && (
            <a class="btn" href="/ui/operator/health">
              Health
            </a>
          )}
        </div>
      ))}
      <dl class="ops-numbers">
        <Fact name="Running" value={`${count(data.running)} of ${count(data.places)}`}>
          <SparkLine values={samples.map(({ running }) => running)} most={data.places} />
        </Fact>
        <Fact name="Waiting for a place" value={count(data.waiting)}>
          <SparkLine values={samples.map(({ waiting }) => waiting)} most={1} />
        </Fact>
        <Fact name="Waiting for answers" value={count(data.waiting_for_answers)} />
        <Fact
          name="Sandboxes"
          value={`${count(sandboxes.live)}, ${count(sandboxes.parked)} parked, ${count(sandboxes.of_sessions)} of sessions`}
        >
          <SparkLine values={samples.map((each) => each.sandboxes.live)} most={1} />
        </Fact>
        <Fact name="Memory" value={`${bytes(usedMemory(data))} of ${bytes(memory.total_bytes)}`}>
          <SparkLine values={samples.map(usedMemory)} most={memory.total_bytes} />
        </Fact>
        <Fact name="Disk" value={`${bytes(disk.total_bytes - disk.free_bytes)} of ${bytes(disk.total_bytes)}`} />
      </dl>
      <h2>Running and waiting</h2>
      <RunningTable limit={20} />
      <p class="muted small">
        Version {data.version}, image {data.image}, isolation by {data.isolation}, up {age(data.started_at)}.
      </p>
    </>
  );
}

function Fact({ name, value, children }: { name: string; value: string; children?: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd class="num">
        {value}
        {children}
      </dd>
    </div>
  );
}
