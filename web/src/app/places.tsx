import { useEffect, useState } from 'preact/hooks';
import { placeOf } from './find.ts';
import { go, place } from './router.ts';
import { who } from './state.ts';
import { theme, toggleTheme } from './theme.ts';
import { bytes, duration } from './words.ts';

/** Small views: addresses that lead on, and settings. */

/** `/ui/find?id=…` goes where the id lives. */
export function FindView() {
  const id = place.value.query.get('id') ?? '';
  const [isMissing, setMissing] = useState(false);
  useEffect(() => {
    setMissing(false);
    placeOf(id).then(
      (to) => (to === undefined ? setMissing(true) : go(to, true)),
      () => setMissing(true),
    );
  }, [id]);
  return (
    <main aria-label="Find" aria-busy={!isMissing}>
      <div class="plain">
        <p>{isMissing ? `Nothing with the id ${id} is here, or it is of another key.` : 'Looking for it.'}</p>
        {isMissing && <a href="/ui/notebooks">All notebooks</a>}
      </div>
    </main>
  );
}

/** `/ui/session/{id}?run=…`: the runs of a session are the cells of its notebook. */
export function SessionView({ rest }: { rest: string }) {
  useEffect(() => go(`notebook/${encodeURIComponent(rest)}${location.search}`, true), [rest]);
  return <p class="first">Loading</p>;
}

/** `/ui/sign-in?next=…`, for one who is signed in by now. Another site is no place to go to. */
export function SignedInView() {
  useEffect(() => {
    const next = place.value.query.get('next') ?? '';
    const { origin, pathname, search } = URL.canParse(next, location.origin)
      ? new URL(next, location.origin)
      : location;
    const isOurs = origin === location.origin && pathname.startsWith('/ui/') && !pathname.startsWith('/ui/sign-in');
    go(isOurs ? pathname.slice('/ui/'.length) + search : '', true);
  }, []);
  return <p class="first">Loading</p>;
}

/** Who is signed in, with which limits, and how the pages look. */
export function SettingsView() {
  useEffect(() => {
    document.title = 'Settings · Dragoman';
  }, []);
  const me = who.value;
  if (!me) return null;
  return (
    <main aria-label="Settings">
      <header class="top">
        <h1>Settings</h1>
      </header>
      <div class="scroll">
        <div class="plain">
          <h2>You</h2>
          <p>
            {me.open ? (
              'No sign-in is asked for: anyone on this machine can use this.'
            ) : (
              <>
                Signed in with the key <b>{me.principal}</b>, which has the plan {me.plan} and may{' '}
                {rightsWords(me.rights)}.
              </>
            )}
          </p>
          <h2>Limits of a run</h2>
          <p>
            {bytes(me.limits.memory_bytes)} of memory; {duration(me.limits.timeout_ms)}, and at most{' '}
            {duration(me.limits.longest_timeout_ms)} where more is asked for.
          </p>
          <h2>Look</h2>
          <p class="row">
            It is {theme.value}.
            <button type="button" class="btn" onClick={toggleTheme}>
              {theme.value === 'dark' ? 'Make it light' : 'Make it dark'}
            </button>
          </p>
          <p class="muted small">Dragoman {me.version}</p>
        </div>
      </div>
    </main>
  );
}

const rightsWords = (rights: readonly string[]) =>
  rights.includes('admin') ? 'use what is its own and operate the service' : 'use what is its own';
