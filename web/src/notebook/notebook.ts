import { computed, signal } from '@preact/signals';
import { keepReading } from '../api/events.ts';
import { ApiError, call, messageOf, patiently, send } from '../api/http.ts';
import type { DocumentCell, Session, StoredFile } from '../api/types.ts';
import { announce, loadLists, sessions, who } from '../app/state.ts';
import { duration, plural } from '../app/words.ts';
import { execute, follow } from '../run/follow.ts';
import { Run } from '../run/run.ts';
import { Cell, newCell } from './cell.ts';
import { cellsOf, type Ipynb, pastRun } from './ipynb.ts';
import { type KernelVariables, readKernels } from './variables.ts';

const saveAfterMs = 800;

/** A session as cells. It saves itself, and follows what others run in its session. */
export class Notebook {
  readonly id: string;
  readonly session = signal<Session | undefined>(undefined);
  readonly cells = signal<readonly Cell[]>([]);
  readonly files = signal<readonly StoredFile[]>([]);
  readonly variables = signal<KernelVariables>(new Map());
  readonly selected = signal<string | undefined>(undefined);
  readonly isEditing = signal(false);
  readonly isTerminalOpen = signal(false);
  readonly saving = signal<'saved' | 'waiting' | 'saving' | 'conflict' | 'failed'>('saved');
  readonly fault = signal('');
  /** Address of the copy that was shared last. */
  readonly sharedAt = signal('');
  readonly stopsAtError = signal(true);
  /** Variables were let go since cells of this notebook ran. */
  readonly hasLost = computed(() => this.cells.value.some((cell) => cell.isFormer.value && cell.number.value > 0));
  readonly going = computed(() => this.cells.value.find((cell) => cell.run.value && !cell.run.value.isOver));
  #etag = '"0"';
  #timer: ReturnType<typeof setTimeout> | undefined;
  #numbers = 0;
  #isClosed = false;
  readonly #removed: { cell: Cell; at: number }[] = [];
  readonly #abort = new AbortController();
  /** Executions that this page began. */
  readonly #own = new Set<string>();
  #isStarting = 0;

  constructor(id: string) {
    this.id = id;
  }

  /** Reads everything and begins to follow. @throws ApiError when the session is not there */
  async open(): Promise<void> {
    this.session.value = await patiently(() => call<Session>('GET', `/sessions/${this.id}`));
    const [documentAnswer, history] = await Promise.all([
      send('GET', `/sessions/${this.id}/document`),
      call<Ipynb>('GET', `/sessions/${this.id}/notebook`),
    ]);
    this.#etag = documentAnswer.headers.get('etag') ?? this.#etag;
    const { cells } = (await documentAnswer.json()) as { cells: readonly DocumentCell[] };
    this.#restore(cells, history);
    if (this.cells.value.length === 0) this.cells.value = [newCell('code', this.#usualLanguage())];
    this.selected.value = this.cells.value[0]?.id;
    void this.refresh();
    void keepReading(`/sessions/${this.id}/events`, this.#abort.signal, ({ event, data }) => {
      if (event === 'execution') this.#hear(data);
    });
  }

  /** Saves what is not saved and stops following. */
  close(): void {
    this.#isClosed = true;
    this.#abort.abort();
    if (this.#timer !== undefined) void this.save();
  }

  #usualLanguage(): string {
    const names = who.value?.languages.map(({ name }) => name) ?? [];
    return names.includes('python') ? 'python' : (names[0] ?? 'python');
  }

  #restore(documents: readonly DocumentCell[], history: Ipynb): void {
    const past = new Map(history.cells.map((cell) => [cell.id, cell]));
    const isLive = this.session.value?.state === 'live';
    this.#numbers = history.cells.length;
    const cells = documents.map((document) => {
      const cell = new Cell(document);
      const ran = cell.executionId === undefined ? undefined : past.get(cell.executionId);
      if (ran) {
        cell.run.value = pastRun(cell, ran);
        cell.number.value = ran.execution_count ?? 0;
        cell.isFormer.value = !isLive;
        past.delete(cell.executionId);
      }
      return cell;
    });
    // What ran without this notebook: an agent's code, or another client's.
    const known = new Set(documents.map(({ execution_id: id }) => id));
    const isForeign = documents.length === 0;
    const others = history.cells.filter(({ id }) => id !== undefined && !known.has(id) && past.has(id) && isForeign);
    for (const [at, cell] of cellsOf({ ...history, cells: others }).entries()) {
      cell.executionId = others[at]!.id;
      cell.isFormer.value = !isLive;
      cells.push(cell);
    }
    this.cells.value = cells;
  }

  /** An execution of the session has begun or ended, in this page or elsewhere. */
  #hear({ id, phase, language, code }: { id: string; phase: string; language: string; code: string }): void {
    const cell = this.cells.value.find(({ executionId }) => executionId === id);
    if (phase === 'ended') {
      if (!this.#own.has(id)) void this.refresh();
      return;
    }
    if (this.#own.has(id) || this.#isStarting > 0) return;
    if (cell?.run.value && !cell.run.value.isOver) return;
    const run = new Run(language, code);
    const place = cell ?? new Cell({ id: `x-${id}`, kind: 'code', language, source: code, execution_id: id });
    place.run.value = run;
    place.number.value = ++this.#numbers;
    if (!cell) {
      place.origin.value = 'run elsewhere';
      this.cells.value = [...this.cells.value, place];
      this.#changed();
    }
    void follow(run, id, this.#abort.signal).then(() => this.refresh());
  }

  /** Reads session, files and variables again. */
  async refresh(): Promise<void> {
    if (this.#isClosed) return;
    try {
      const [session, files] = await Promise.all([
        call<Session>('GET', `/sessions/${this.id}`),
        call<{ data: readonly StoredFile[] }>('GET', `/sessions/${this.id}/files`),
      ]);
      this.session.value = session;
      sessions.value = sessions.value.map((each) => (each.id === session.id ? session : each));
      this.files.value = files.data;
      if (session.state !== 'live') this.#forgetVariables();
      this.variables.value = session.state === 'live' ? await readKernels(this.id, this.#ranIn()) : new Map();
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 409) this.fault.value = messageOf(error);
    }
  }

  /** Languages of cells that ran and whose variables are still there; an agent may have run others. */
  #ranIn(): Iterable<string> {
    const ran = this.cells.value.filter((cell) => cell.run.value?.isOver && !cell.isFormer.value);
    return ['python', ...ran.map(({ language }) => language.value)];
  }

  #forgetVariables(): void {
    for (const cell of this.cells.value) if (cell.run.value?.isOver) cell.isFormer.value = true;
  }

  async run(cell: Cell, options: { timeout_ms?: number } = {}): Promise<Run | undefined> {
    if (cell.kind.value !== 'code' || cell.source.value.trim() === '') return undefined;
    if (cell.run.value && !cell.run.value.isOver) return undefined;
    const run = new Run(cell.language.value, cell.source.value);
    cell.run.value = run;
    cell.isChanged.value = false;
    cell.origin.value = '';
    cell.executionId = undefined;
    this.#isStarting++;
    let isStarted = false;
    const started = () => {
      if (!isStarted) this.#isStarting--;
      isStarted = true;
    };
    await execute(run, this.id, options, (id) => {
      this.#own.add(id);
      cell.executionId = id;
      cell.number.value = ++this.#numbers;
      started();
      void this.save();
    });
    started();
    const ending = run.ending.value;
    // Saved variables that came back count as they did before.
    if (ending?.state === 'restored' && !(ending.restored && ending.restored.reason === null)) this.#forgetVariables();
    if (cell.run.value === run) cell.isFormer.value = false;
    announce(spokenEnd(run));
    await this.refresh();
    return run;
  }

  /** Runs cells one after another; an error ends that unless it is switched off. */
  async runAll(cells: readonly Cell[] = this.cells.value): Promise<void> {
    for (const cell of cells) {
      const run = await this.run(cell);
      const isBad = run && (run.error.value || run.fault.value !== '' || run.ending.value?.outcome !== 'completed');
      if (isBad && this.stopsAtError.value) return;
    }
  }

  async interrupt(): Promise<void> {
    const run = this.going.value?.run.value;
    if (run) run.isInterrupting.value = true;
    await call('POST', `/sessions/${this.id}/interrupt`).catch((error) => {
      this.fault.value = messageOf(error);
    });
  }

  async restart(): Promise<void> {
    this.session.value = await call<Session>('POST', `/sessions/${this.id}/restart`);
    this.#forgetVariables();
    this.variables.value = new Map();
    announce('Restarted. The variables are gone, the files are here.');
  }

  /** A session with the same files, and a notebook with the same cells. Returns its id. */
  async fork(): Promise<string> {
    const name = this.session.value?.name;
    const forked = await call<Session>('POST', `/sessions/${this.id}/fork`, {
      json: { name: name ? `${name} (copy)` : null },
    });
    const cells = this.cells.value.map((cell) => ({ ...cell.toDocument(), execution_id: null }));
    await call('PUT', `/sessions/${forked.id}/document`, { json: { cells } });
    await loadLists();
    return forked.id;
  }

  async rename(name: string): Promise<void> {
    this.session.value = await call<Session>('PATCH', `/sessions/${this.id}`, { json: { name: name || null } });
    await loadLists();
  }

  insert(cell: Cell, at: number): void {
    this.cells.value = this.cells.value.toSpliced(at, 0, cell);
    this.selected.value = cell.id;
    this.#changed();
  }

  remove(cell: Cell): void {
    const at = this.cells.value.indexOf(cell);
    if (at < 0) return;
    this.#removed.push({ cell, at });
    this.cells.value = this.cells.value.toSpliced(at, 1);
    if (this.cells.value.length === 0) this.cells.value = [newCell('code', cell.language.value)];
    this.selected.value = (this.cells.value[at] ?? this.cells.value.at(-1))?.id;
    this.#changed();
  }

  /** Brings back the cell that was removed last. */
  unremove(): void {
    const last = this.#removed.pop();
    if (last) this.insert(last.cell, Math.min(last.at, this.cells.value.length));
  }

  move(cell: Cell, by: number): void {
    const from = this.cells.value.indexOf(cell);
    const to = from + by;
    if (to < 0 || to >= this.cells.value.length) return;
    this.cells.value = this.cells.value.toSpliced(from, 1).toSpliced(to, 0, cell);
    this.#changed();
  }

  edit(cell: Cell, source: string): void {
    cell.edit(source);
    this.#changed();
  }

  /** Adds a cell that reads a file. */
  useFile(path: string): void {
    this.insert(newCell('code', 'python', readerOf(path)), this.cells.value.length);
    this.isEditing.value = true;
  }

  change(cell: Cell, { kind, language }: { kind?: 'code' | 'text'; language?: string }): void {
    if (kind) cell.kind.value = kind;
    if (language) cell.language.value = language;
    this.#changed();
  }

  replaceCells(cells: readonly Cell[]): void {
    this.cells.value = cells;
    this.selected.value = cells[0]?.id;
    this.#changed();
  }

  #changed(): void {
    if (this.saving.value === 'conflict') return;
    this.saving.value = 'waiting';
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.save(), saveAfterMs);
  }

  /** Writes the cells; those of another window are not overwritten unless `isForced`. */
  async save(isForced = false): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.saving.value === 'saving') return void setTimeout(() => this.#changed(), 50);
    if (this.saving.value === 'conflict' && !isForced) return;
    this.saving.value = 'saving';
    try {
      const json = { cells: this.cells.value.map((cell) => cell.toDocument()) };
      const headers: Record<string, string> = isForced ? {} : { 'if-match': this.#etag };
      const answer = await send('PUT', `/sessions/${this.id}/document`, { json, headers });
      this.#etag = answer.headers.get('etag') ?? this.#etag;
      // Something may have been typed meanwhile.
      if ((this.saving.value as string) === 'saving') this.saving.value = 'saved';
    } catch (error) {
      const isConflict = error instanceof ApiError && error.status === 409;
      this.saving.value = isConflict ? 'conflict' : 'failed';
      if (!isConflict && error instanceof ApiError && error.status === 0) setTimeout(() => this.#changed(), 3000);
      else if (!isConflict) this.fault.value = messageOf(error);
    }
  }
}

function spokenEnd(run: Run): string {
  const { ending, error, parts } = run;
  if (error.value) return `Failed: ${error.value.name}`;
  if (!ending.value) return run.fault.value;
  const lines = parts.value.reduce((sum, part) => (part.kind === 'text' ? sum + part.log.lines.length : sum), 0);
  const figures = parts.value.filter(({ kind }) => kind === 'rich').length;
  return `Done in ${duration(ending.value.usage.wall_ms)}, ${plural(lines, 'line')}, ${plural(figures, 'result')}`;
}

/** Code that reads a file, by its ending. */
function readerOf(path: string): string {
  const name = JSON.stringify(path);
  const ending = path.slice(path.lastIndexOf('.') + 1).toLowerCase();
  const readers: Readonly<Record<string, string>> = {
    csv: `pd.read_csv(${name})`,
    tsv: `pd.read_csv(${name}, sep="\\t")`,
    xlsx: `pd.read_excel(${name})`,
    ods: `pd.read_excel(${name})`,
    parquet: `pd.read_parquet(${name})`,
    json: `pd.read_json(${name})`,
  };
  const reader = readers[ending];
  if (reader) return `import pandas as pd\ndata = ${reader}\ndata`;
  return `text = open(${name}, errors="replace").read()\nprint(text[:1000])`;
}
