import { useState } from 'preact/hooks';
import { call, messageOf } from '../api/http.ts';
import { announce } from '../app/state.ts';
import { bytes, when } from '../app/words.ts';
import { Ask, type Question } from './ask.tsx';
import { NewKey } from './new-key.tsx';
import { usePoll } from './poll.ts';
import { OpsTable } from './table.tsx';
import { Told } from './told.tsx';
import type { ApiKey, KeyPage, Storage, Usage } from './types.ts';

/** API keys: make, plan, rights, revoke. */
export function KeysView() {
  const [withRevoked, setWithRevoked] = useState(false);
  const { data, fault, again } = usePoll<KeyPage>(`/admin/keys?limit=200&revoked=${withRevoked}`, 10_000);
  const { data: stored } = usePoll<Storage>('/admin/storage?limit=100', 5000);
  const { data: used } = usePoll<Usage>('/admin/usage?days=30&limit=100', 5000);
  const [question, setQuestion] = useState<Question | undefined>(undefined);
  const [said, setSaid] = useState('');
  const done = (sentence: string) => {
    setQuestion(undefined);
    setSaid(sentence);
    announce(sentence);
    again();
  };
  const change = (key: ApiKey, json: object, sentence: string) =>
    call('PATCH', `/admin/keys/${key.id}`, { json }).then(
      () => done(sentence),
      (error) => done(messageOf(error)),
    );
  const revoke = (key: ApiKey) =>
    setQuestion({
      title: `Revoke ${key.name}?`,
      text: 'Requests and browsers that use it are refused at once. What it runs goes on, and its files stay until they expire. It cannot be brought back.',
      verb: 'Revoke',
      act: async () => {
        await call('DELETE', `/admin/keys/${key.id}`);
        return `The key ${key.name} is revoked.`;
      },
    });
  const giveRight = (key: ApiKey, isAdmin: boolean) =>
    setQuestion({
      title: isAdmin ? `Make ${key.name} an operator?` : `Take the right admin from ${key.name}?`,
      text: isAdmin
        ? 'It may then see and end what others run, and make and revoke keys.'
        : 'It keeps what is its own, and may no longer open this page.',
      verb: isAdmin ? 'Give it' : 'Take it',
      act: async () => {
        await call('PATCH', `/admin/keys/${key.id}`, { json: { rights: isAdmin ? ['use', 'admin'] : ['use'] } });
        return `The key ${key.name} has the rights ${isAdmin ? 'use and admin' : 'use'}.`;
      },
    });
  const storedOf = (key: ApiKey) => stored?.owners.find(({ owner }) => owner.id === key.owner_id)?.bytes;
  const lastUse = (key: ApiKey) =>
    used?.owners
      .find(({ owner }) => owner.id === key.owner_id)
      ?.days.reduce((last, { date }) => (date > last ? date : last), '');
  const isFixed = ({ source, revoked_at: revoked }: ApiKey) => source === 'configuration' || revoked !== null;
  return (
    <>
      <h2>Keys</h2>
      <div class="row">
        <label>
          <input
            type="checkbox"
            checked={withRevoked}
            onChange={(event) => setWithRevoked(event.currentTarget.checked)}
          />{' '}
          Show revoked keys
        </label>
        <span class="grow" />
        <NewKey plans={data?.plans ?? ['default']} onMade={again} />
      </div>
      <Told fault={fault} said={said} />
      <OpsTable
        label="Keys"
        rows={data?.data}
        keyOf={({ id }) => id}
        empty="There are no keys."
        columns={[
          { title: 'Name', cell: ({ name }) => <b>{name}</b> },
          {
            title: 'Rights',
            cell: (key) =>
              isFixed(key) ? (
                key.rights.join(', ')
              ) : (
                <select
                  aria-label={`Rights of ${key.name}`}
                  value={key.rights.includes('admin') ? 'admin' : 'use'}
                  onChange={(event) => {
                    const wanted = event.currentTarget.value;
                    event.currentTarget.value = key.rights.includes('admin') ? 'admin' : 'use';
                    giveRight(key, wanted === 'admin');
                  }}
                >
                  <option value="use">use</option>
                  <option value="admin">use, admin</option>
                </select>
              ),
          },
          {
            title: 'Plan',
            cell: (key) =>
              isFixed(key) || (data?.plans.length ?? 0) < 2 ? (
                key.plan
              ) : (
                <select
                  aria-label={`Plan of ${key.name}`}
                  value={key.plan}
                  onChange={(event) => {
                    const plan = event.currentTarget.value;
                    void change(key, { plan }, `The key ${key.name} has the plan ${plan}.`);
                  }}
                >
                  {[...new Set([...(data?.plans ?? []), key.plan])].map((plan) => (
                    <option key={plan}>{plan}</option>
                  ))}
                </select>
              ),
          },
          { title: 'Last used', isNumber: true, cell: (key) => lastUse(key) || 'not in 30 days' },
          { title: 'Stored', isNumber: true, cell: (key) => bytes(storedOf(key) ?? 0) },
          {
            title: 'Made',
            isNumber: true,
            cell: ({ created_at: at }) => (at === null ? 'in DRAGOMAN_API_KEYS' : when(at)),
          },
          {
            title: 'Revoke',
            cell: (key) =>
              key.revoked_at !== null ? (
                `revoked ${when(key.revoked_at)}`
              ) : isFixed(key) ? (
                ''
              ) : (
                <button type="button" class="btn danger" aria-label={`Revoke ${key.name}`} onClick={() => revoke(key)}>
                  Revoke
                </button>
              ),
          },
        ]}
      />
      {data?.has_more && <p class="muted small">These are the first 200; "dragoman keys list" has all.</p>}
      <Ask question={question} onDone={done} />
    </>
  );
}
