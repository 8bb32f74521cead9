import { useState } from 'preact/hooks';
import { messageOf } from '../api/http.ts';
import { copyText } from '../files/save.ts';
import { newNotebook } from '../notebook/start.ts';
import { Icon } from './icons.tsx';
import { go } from './router.ts';
import { models } from './state.ts';

const settings = `DRAGOMAN_UPSTREAM_BASE_URL=http://127.0.0.1:11434/v1
DRAGOMAN_UPSTREAM_API_KEY=the-key-of-the-provider
DRAGOMAN_DEFAULT_MODEL=qwen3-32b`;

/** Where to begin: a notebook needs no model, the playground does. */
export function Start() {
  const [fault, setFault] = useState('');
  const [isCopied, setCopied] = useState(false);
  const open = () =>
    newNotebook(true).then(
      (id) => go(`notebook/${id}`),
      (error) => setFault(messageOf(error)),
    );
  const hasModels = (models.value?.length ?? 0) > 0;
  return (
    <main aria-label="Start">
      <div class="scroll">
        <div class="plain">
          <h1>{hasModels ? 'Start' : 'No model is connected. Code runs without one.'}</h1>
          <p>
            A notebook runs code in any of the languages here, keeps its variables and files, and shows output as it
            comes.
          </p>
          <p class="row">
            <button type="button" class={hasModels ? 'btn' : 'primary'} onClick={() => void open()}>
              <Icon name="book" />
              Open a notebook
            </button>
            {hasModels && (
              <a class="btn primary" href="/ui/chat">
                <Icon name="chat" />
                Ask a model
              </a>
            )}
          </p>
          {fault !== '' && <p class="err">{fault}</p>}
          {!hasModels && (
            <>
              <h2>To connect a model</h2>
              <p>Set these three and start the service again. Any provider with an OpenAI-compatible API will do.</p>
              <pre class="code">{settings}</pre>
              <p>
                <button type="button" class="btn" onClick={async () => setCopied(await copyText(settings))}>
                  <Icon name="copy" />
                  {isCopied ? 'Copied' : 'Copy'}
                </button>
              </p>
            </>
          )}
        </div>
      </div>
    </main>
  );
}
