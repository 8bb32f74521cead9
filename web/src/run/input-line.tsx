import { useState } from 'preact/hooks';
import { call, messageOf } from '../api/http.ts';
import type { Question, Run } from './run.ts';

/** Answers a question that the program waits with. Ctrl+D sends the end of the input. */
export function InputLine({ run, question }: { run: Run; question: Question }) {
  const [text, setText] = useState('');
  const [fault, setFault] = useState('');
  const answer = async (line: string | null) => {
    try {
      const result =
        line === null ? { id: question.id, error: 'The input has ended.' } : { id: question.id, value: line };
      const headers = { prefer: 'respond-async' };
      await call('POST', `/executions/${run.id.value}/tool_results`, { headers, json: { results: [result] } });
      if (run.question.value?.id === question.id) run.question.value = undefined;
      if (!question.isSecret) run.addText(`${question.prompt}${line ?? ''}\n`, false);
      setText('');
    } catch (error) {
      setFault(messageOf(error));
    }
  };
  return (
    <form
      class="input-line"
      onSubmit={(event) => {
        event.preventDefault();
        void answer(text);
      }}
    >
      <label class="row grow">
        <span>{question.prompt || 'Input'}</span>
        <input
          class="grow"
          type={(question.isSecret ? 'password' : 'text') as 'text'}
          value={text}
          autocomplete="off"
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            event.stopPropagation();
            if (event.key === 'd' && event.ctrlKey) {
              event.preventDefault();
              void answer(null);
            }
          }}
        />
      </label>
      <button type="submit" class="primary">
        Send
      </button>
      {fault !== '' && <span class="err">{fault}</span>}
    </form>
  );
}
