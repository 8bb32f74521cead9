import { keepReading } from '../api/events.ts';
import { call } from '../api/http.ts';
import { Cell } from '../notebook/cell.ts';
import { type Ipynb, type IpynbCell, pastRun } from '../notebook/ipynb.ts';
import { follow } from '../run/follow.ts';
import { Run } from '../run/run.ts';
import { type Answer, type CodeItem, type StoredOutput, storedOutputs } from './answer.ts';

interface Begun {
  readonly id: string;
  readonly language: string;
  readonly code: string;
}

/** Ties the code that a model writes to the executions of its session, so that output is seen as it comes. */
export class CodeRuns {
  readonly #abort = new AbortController();
  #items: CodeItem[] = [];
  #begun: Begun[] = [];
  readonly #onChange: () => void;

  constructor(sessionId: string, onChange: () => void) {
    this.#onChange = onChange;
    void keepReading(`/sessions/${sessionId}/events`, this.#abort.signal, ({ event, data }) => {
      if (event !== 'execution') return;
      if (data.phase === 'begun') this.#begun.push(data);
      else this.#onChange();
      this.#tie();
    });
  }

  close(): void {
    this.#abort.abort();
  }

  /** Code that runs next in the session. */
  expect(item: CodeItem): void {
    if (item.run.value) return;
    this.#items.push(item);
    this.#tie();
  }

  /** Executions of a session take turns, and so does the code of an answer. */
  #tie(): void {
    this.#items = this.#items.filter((item) => item.run.value === undefined);
    while (this.#items.length > 0 && this.#begun.length > 0) {
      const item = this.#items.shift()!;
      const { id, language, code } = this.#begun.shift()!;
      const run = new Run(language, code);
      item.run.value = run;
      void follow(run, id, this.#abort.signal);
    }
  }
}

/** Gives the code of answers that ended earlier its runs: from the session's history, else from what the response kept. */
export async function restoreRuns(sessionId: string | undefined, answers: readonly Answer[]): Promise<void> {
  const history =
    sessionId === undefined
      ? []
      : await call<Ipynb>('GET', `/sessions/${sessionId}/notebook`).then(
          ({ cells }) => [...cells],
          () => [] as IpynbCell[],
        );
  for (const answer of answers) {
    for (const item of answer.items.value) {
      if (item.kind !== 'code' || item.run.value || !answer.isOver) continue;
      const at = history.findIndex(({ source }) => sameCode(textOf(source), item.code.value));
      const [past] = at < 0 ? [] : history.splice(at, 1);
      item.run.value = past ? runOfCell(past, item.code.value) : runOfOutputs(item.code.value, storedOutputs(item));
    }
  }
}

const textOf = (source: IpynbCell['source']) => (typeof source === 'string' ? source : source.join(''));
const sameCode = (a: string, b: string) => a.trim() === b.trim();

function runOfCell(past: IpynbCell, code: string): Run {
  return pastRun(new Cell({ id: 'past', kind: 'code', language: 'python', source: code }), past);
}

function runOfOutputs(code: string, outputs: readonly StoredOutput[]): Run {
  const run = new Run('python', code);
  for (const { logs, url } of outputs) {
    if (logs) run.addText(logs, false);
    const [, type, data] = /^data:(image\/[\w+.-]+);base64,(.*)$/s.exec(url ?? '') ?? [];
    if (type && data) run.addRich({ [type]: data }, false);
  }
  run.status.value = 'done';
  return run;
}
