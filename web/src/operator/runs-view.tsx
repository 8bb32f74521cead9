import { useState } from 'preact/hooks';
import { call } from '../api/http.ts';
import type { Page } from '../api/types.ts';
import { announce, languageTitle } from '../app/state.ts';
import { age } from './ages.ts';
import { Ask, type Question } from './ask.tsx';
import { IdCell, OwnerCell, ownerName } from './owner.tsx';
import { usePoll } from './poll.ts';
import { OpsTable } from './table.tsx';
import { Told } from './told.tsx';
import type { ObservedExecution } from './types.ts';

const states: Readonly<Record<ObservedExecution['status'], string>> = {
  queued: 'waits for its turn or a place',
  running: 'runs',
  waiting: 'waits for answers of its caller',
  done: 'has ended',
};

/** Everything that runs and waits. */
export function RunsView() {
  return (
    <>
      <h2>Running and waiting</h2>
      <p class="muted">Whose it is, for how long, and in which state; neither its code nor its output is shown here.</p>
      <RunningTable limit={200} />
    </>
  );
}

export function RunningTable({ limit }: { limit: number }) {
  const { data, fault, again } = usePoll<Page<ObservedExecution>>(`/admin/executions?limit=${limit}`, 2000);
  const [question, setQuestion] = useState<Question | undefined>(undefined);
  const [said, setSaid] = useState('');
  const done = (sentence: string) => {
    setQuestion(undefined);
    setSaid(sentence);
    announce(sentence);
    again();
  };
  const end = (execution: ObservedExecution) =>
    setQuestion({
      title: 'End this run?',
      text: `It is of ${ownerName(execution.owner)}, in ${languageTitle(execution.language)}, and was asked for ${age(execution.begun_at)} ago. Its caller reads the outcome "cancelled".`,
      verb: 'End it',
      act: async () => {
        const { ended, outcome } = await call<{ ended: boolean; outcome: string | null }>(
          'POST',
          `/admin/executions/${execution.id}/cancel`,
        );
        return ended ? `The run has ended: ${outcome}.` : 'The run is to end, and has not yet.';
      },
    });
  return (
    <>
      <Told fault={fault} said={said} />
      <OpsTable
        label="Running and waiting"
        rows={data?.data}
        keyOf={({ id }) => id}
        empty="Nothing runs and nothing waits."
        columns={[
          { title: 'Key', cell: ({ owner }) => <OwnerCell owner={owner} /> },
          { title: 'Language', cell: ({ language }) => languageTitle(language) },
          { title: 'State', cell: ({ status }) => states[status] },
          { title: 'Age', isNumber: true, cell: ({ begun_at: at }) => age(at) },
          { title: 'Id', cell: ({ id }) => <IdCell id={id} /> },
          {
            title: 'End',
            cell: (execution) => (
              <button
                type="button"
                class="btn danger"
                aria-label={`End the run ${execution.id} of ${ownerName(execution.owner)}`}
                onClick={() => end(execution)}
              >
                End
              </button>
            ),
          },
        ]}
      />
      {data?.has_more && <p class="muted small">These are the {limit} oldest; there are more.</p>}
      <Ask question={question} onDone={done} />
    </>
  );
}
