import { useEffect, useRef, useState } from 'preact/hooks';
import { messageOf } from '../api/http.ts';

export interface Question {
  readonly title: string;
  /** What will happen, and whose it is. */
  readonly text: string;
  /** On the button. */
  readonly verb: string;
  /** Does it. Resolves with a sentence of what became of it. */
  readonly act: () => Promise<string>;
}

/** Asks once before something is ended. The first focus is on the button that does nothing. */
export function Ask({ question, onDone }: { question: Question | undefined; onDone: (said: string) => void }) {
  const box = useRef<HTMLDialogElement>(null);
  const [isBusy, setBusy] = useState(false);
  useEffect(() => {
    if (question && !box.current?.open) box.current?.showModal();
    if (!question) box.current?.close();
  }, [question]);
  const act = async () => {
    if (!question) return;
    setBusy(true);
    onDone(await question.act().catch(messageOf));
    setBusy(false);
  };
  return (
    <dialog ref={box} aria-labelledby="ask-title" onClose={() => question && !isBusy && onDone('')}>
      <h2 id="ask-title">{question?.title}</h2>
      <p>{question?.text}</p>
      <div class="row">
        <button type="button" class="btn" autofocus onClick={() => onDone('')}>
          Leave it
        </button>
        <button type="button" class="btn danger" disabled={isBusy} onClick={() => void act()}>
          {question?.verb}
        </button>
      </div>
    </dialog>
  );
}
