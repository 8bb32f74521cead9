import { signal } from '@preact/signals';
import { ApiError, call, messageOf, send } from '../api/http.ts';
import type { Chat, Session, StoredFile, Turn } from '../api/types.ts';
import { announce, loadLists, models } from '../app/state.ts';
import { uploadAll } from '../files/upload.ts';
import { newCellId } from '../notebook/cell.ts';
import { Answer } from './answer.ts';
import { CodeRuns, restoreRuns } from './code-runs.ts';
import { ask, take } from './follow-answer.ts';
import { branchOf, leafOf, merged } from './turns.ts';

/** A conversation: a tree of turns, of which one branch is shown. Answers are responses; code runs in a session. */
export class Conversation {
  readonly id = signal<string | undefined>(undefined);
  readonly title = signal('');
  readonly model = signal('');
  readonly instructions = signal('');
  readonly code = signal(true);
  readonly turns = signal<readonly Turn[]>([]);
  readonly head = signal<string | undefined>(undefined);
  /** Where the next turn's code runs. */
  readonly sessionId = signal<string | undefined>(undefined);
  /** Files that go with the next message. */
  readonly attached = signal<readonly StoredFile[]>([]);
  /** Files of so many choices are on their way. */
  readonly attaching = signal(0);
  readonly fault = signal('');
  readonly #answers = new Map<string, Answer>();
  #etag = '';
  #saving: Promise<void> = Promise.resolve();
  #runs: { sessionId: string; runs: CodeRuns } | undefined;
  #isClosed = false;

  constructor() {
    this.model.value = localStorage.getItem('model') ?? models.value?.[0] ?? '';
    if (!models.value?.includes(this.model.value)) this.model.value = models.value?.[0] ?? '';
  }

  /** Reads a conversation that is kept. @throws ApiError */
  async open(id: string): Promise<void> {
    const response = await send('GET', `/chats/${id}`);
    this.#etag = response.headers.get('etag') ?? '';
    this.id.value = id;
    this.#apply((await response.json()) as Chat);
    await this.#load();
  }

  close(): void {
    this.#isClosed = true;
    this.#runs?.runs.close();
  }

  #apply(chat: Chat): void {
    this.title.value = chat.title;
    this.model.value = chat.model ?? this.model.value;
    this.instructions.value = chat.instructions ?? '';
    this.code.value = chat.code;
    this.turns.value = chat.turns;
    this.head.value = chat.head ?? chat.turns.at(-1)?.id;
    this.sessionId.value = chat.session_id ?? undefined;
  }

  get branch(): readonly Turn[] {
    return branchOf(this.turns.value, this.head.value);
  }

  answerOf(turn: Turn): Answer {
    const known = this.#answers.get(turn.id);
    if (known) return known;
    const made = new Answer();
    this.#answers.set(turn.id, made);
    return made;
  }

  get going(): Answer | undefined {
    return this.branch
      .map((turn) => this.#answers.get(turn.id))
      .find((answer) => answer && !answer.isOver && answer.responseId !== undefined);
  }

  /** Reads the answers of the branch that is shown, and follows the one that is still made. */
  async #load(): Promise<void> {
    const { branch } = this;
    const sessionId = branch.at(-1)?.session_id ?? this.sessionId.value;
    this.sessionId.value = sessionId ?? undefined;
    const answers = branch.map((turn) => this.answerOf(turn));
    const taking = branch.map((turn, at) => {
      const answer = answers[at]!;
      if (answer.responseId !== undefined || answer.isOver) return undefined;
      if (!turn.response_id) return void answer.fail('This was not answered.');
      answer.onCode = (item) => this.#watch(turn.session_id)?.expect(item);
      return take(answer, turn.response_id);
    });
    await Promise.all(taking.map((taken, at) => (at < taking.length - 1 ? taken : undefined)));
    void taking.at(-1)?.then(() => restoreRuns(sessionId ?? undefined, answers));
    await restoreRuns(sessionId ?? undefined, answers);
  }

  #watch(sessionId: string | null | undefined): CodeRuns | undefined {
    if (!sessionId || this.#isClosed) return undefined;
    if (this.#runs?.sessionId !== sessionId) {
      this.#runs?.runs.close();
      this.#runs = { sessionId, runs: new CodeRuns(sessionId, () => {}) };
    }
    return this.#runs.runs;
  }

  /** The session of the next turn, made where there is none. */
  async #session(): Promise<string> {
    if (this.sessionId.value !== undefined) return this.sessionId.value;
    const name = this.title.value || 'Conversation';
    const { id } = await call<Session>('POST', '/sessions', { json: { name: name.slice(0, 80) } });
    this.sessionId.value = id;
    return id;
  }

  async attach(files: readonly File[]): Promise<void> {
    this.attaching.value++;
    try {
      const stored = await uploadAll(await this.#session(), files);
      const names = new Set(stored.map(({ path }) => path));
      this.attached.value = [...this.attached.value.filter(({ path }) => !names.has(path)), ...stored];
    } catch (error) {
      this.fault.value = messageOf(error);
    } finally {
      this.attaching.value--;
    }
  }

  /** Sends a message at the end of the branch. */
  send(text: string): Promise<void> {
    return this.#ask(text, this.head.value ?? null, this.attached.value);
  }

  /** Asks for another answer to the same message; the earlier one stays as a branch. */
  async again(turn: Turn): Promise<void> {
    await this.#branchOff();
    await this.#ask(turn.text, turn.parent ?? null, turn.files ?? []);
  }

  /** Goes on from a message of one's own with other words; what followed stays as a branch. */
  async edit(turn: Turn, text: string): Promise<void> {
    await this.#branchOff();
    await this.#ask(text, turn.parent ?? null, turn.files ?? []);
  }

  /** A branch works with a copy of the files, so that the other one finds its own as they were. */
  async #branchOff(): Promise<void> {
    if (this.sessionId.value === undefined) return;
    try {
      const { id } = await call<Session>('POST', `/sessions/${this.sessionId.value}/fork`, {
        json: { name: `${this.title.value} (branch)`.slice(0, 80) },
      });
      this.sessionId.value = id;
      announce('The branch starts with a copy of the files; its variables begin empty.');
    } catch (error) {
      // The session has expired: the branch gets a new one.
      if (!(error instanceof ApiError) || ![404, 410].includes(error.status)) throw error;
      this.sessionId.value = undefined;
    }
  }

  async #ask(text: string, parent: string | null, files: readonly { path: string; size: number }[]): Promise<void> {
    this.fault.value = '';
    localStorage.setItem('model', this.model.value);
    if (this.title.value === '') this.title.value = text.trim().split('\n')[0]!.slice(0, 80) || 'Conversation';
    try {
      const sessionId = this.code.value ? await this.#session() : undefined;
      const previous = this.turns.value.find(({ id }) => id === parent)?.response_id;
      const turn: Turn = {
        id: newCellId(),
        parent,
        text,
        files: files.map(({ path, size }) => ({ path, size })),
        model: this.model.value,
        session_id: sessionId ?? null,
      };
      this.turns.value = [...this.turns.value, turn];
      this.head.value = turn.id;
      this.attached.value = [];
      const answer = this.answerOf(turn);
      const runs = this.#watch(sessionId);
      answer.onCode = (item) => runs?.expect(item);
      answer.status.value = 'going';
      await this.save();
      await ask(answer, this.#request(text, files, previous ?? undefined, sessionId), (responseId) => {
        this.turns.value = this.turns.value.map((each) =>
          each.id === turn.id ? { ...each, response_id: responseId } : each,
        );
        void this.save();
      });
      announce(answer.fault.value === '' ? 'The answer is complete' : answer.fault.value);
      await restoreRuns(
        undefined,
        [answer].filter(({ fault }) => fault.value !== ''),
      );
    } catch (error) {
      this.fault.value = messageOf(error);
    }
  }

  #request(
    text: string,
    files: readonly { path: string }[],
    previous: string | undefined,
    sessionId: string | undefined,
  ) {
    const names = files.map(({ path }) => path).join(', ');
    return {
      model: this.model.value,
      input: files.length > 0 ? `${text}\n\n(Files of this message, in the working directory: ${names})` : text,
      ...(this.instructions.value.trim() === '' ? {} : { instructions: this.instructions.value }),
      ...(previous === undefined ? {} : { previous_response_id: previous }),
      ...(sessionId === undefined ? {} : { tools: [{ type: 'code_interpreter', container: `cntr_${sessionId}` }] }),
    };
  }

  async stop(): Promise<void> {
    const { going } = this;
    if (!going) return;
    try {
      await call('POST', `/responses/${going.responseId}/cancel`);
    } catch (error) {
      this.fault.value = messageOf(error);
    }
  }

  /** Shows another branch at a turn. */
  async choose(turn: Turn): Promise<void> {
    this.head.value = leafOf(this.turns.value, turn.id);
    this.sessionId.value = this.branch.at(-1)?.session_id ?? undefined;
    await this.#load();
    await this.save();
  }

  async rename(title: string): Promise<void> {
    if (title.trim() === '') return;
    this.title.value = title.trim().slice(0, 200);
    await this.save();
  }

  async remove(): Promise<void> {
    if (this.id.value !== undefined) await call('DELETE', `/chats/${this.id.value}`);
    await loadLists();
  }

  /** Writes it; turns that another window added are kept. */
  save(): Promise<void> {
    this.#saving = this.#saving
      .then(() => this.#write())
      .catch((error) => {
        this.fault.value = `This conversation is not saved: ${messageOf(error)}`;
      });
    return this.#saving;
  }

  async #write(): Promise<void> {
    const json: Chat = {
      title: this.title.value,
      model: this.model.value,
      instructions: this.instructions.value,
      code: this.code.value,
      head: this.head.value ?? null,
      session_id: this.sessionId.value ?? null,
      turns: this.turns.value,
    };
    if (this.id.value === undefined) {
      const response = await send('POST', '/chats', { json });
      this.#etag = response.headers.get('etag') ?? '';
      this.id.value = ((await response.json()) as { id: string }).id;
      void loadLists();
      return;
    }
    try {
      const response = await send('PUT', `/chats/${this.id.value}`, { json, headers: { 'if-match': this.#etag } });
      this.#etag = response.headers.get('etag') ?? '';
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 409) throw error;
      const theirs = await send('GET', `/chats/${this.id.value}`);
      this.#etag = theirs.headers.get('etag') ?? '';
      this.turns.value = merged(((await theirs.json()) as Chat).turns, this.turns.value);
      await this.#write();
    }
  }
}
