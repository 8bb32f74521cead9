import { useEffect, useRef, useState } from 'preact/hooks';
import { Icon } from '../app/icons.tsx';
import { models } from '../app/state.ts';
import { bytes } from '../app/words.ts';
import { uploads } from '../files/upload.ts';
import { Uploads } from '../files/uploads-view.tsx';
import type { Conversation } from './chat.ts';

/** Where a message is written. Enter sends it, Shift+Enter begins a line. */
export function Composer({ conversation, onSend }: { conversation: Conversation; onSend: () => void }) {
  const [text, setText] = useState(() => sessionStorage.getItem('draft') ?? '');
  const [hasInstructions, showInstructions] = useState(false);
  const chooser = useRef<HTMLInputElement>(null);
  /** It was sent while files were on their way: it goes when they are there. */
  const [isHeld, hold] = useState(false);
  const isBusy = conversation.going !== undefined;
  const isUploading = conversation.attaching.value > 0;
  const write = (value: string) => {
    setText(value);
    sessionStorage.setItem('draft', value);
  };
  const send = () => {
    if (text.trim() === '' || isBusy) return;
    if (isUploading) return hold(true);
    hold(false);
    onSend();
    void conversation.send(text);
    write('');
  };
  useEffect(() => {
    if (!isHeld || isUploading) return;
    // A file that did not arrive is a matter for its sender.
    if (uploads.value.some(({ fault }) => fault !== '')) hold(false);
    else send();
  }, [isHeld, isUploading]);
  return (
    <div class="compose">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
      >
        {conversation.fault.value !== '' && (
          <p class="err pad" role="alert">
            {conversation.fault.value}
          </p>
        )}
        <Uploads />
        {conversation.attached.value.length > 0 && (
          <div class="chips">
            {conversation.attached.value.map(({ path, size }) => (
              <span key={path} class="chip">
                <Icon name="file" />
                {path}
                <span class="muted small num">{bytes(size)}</span>
                <button
                  type="button"
                  class="icon"
                  aria-label={`Leave ${path} out`}
                  onClick={() => {
                    conversation.attached.value = conversation.attached.value.filter((file) => file.path !== path);
                  }}
                >
                  <Icon name="cross" />
                </button>
              </span>
            ))}
          </div>
        )}
        {hasInstructions && (
          <label class="pad">
            <span class="small muted">Instructions for the model</span>
            <textarea
              class="field"
              rows={2}
              value={conversation.instructions.value}
              onInput={(event) => {
                conversation.instructions.value = event.currentTarget.value;
              }}
            />
          </label>
        )}
        <label class="vh" for="say">
          Message
        </label>
        <textarea
          id="say"
          rows={2}
          placeholder="Ask, or drop files here"
          value={text}
          onInput={(event) => {
            hold(false);
            write(event.currentTarget.value);
          }}
          onKeyDown={(event) => {
            if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            send();
          }}
        />
        <div class="tools">
          <input
            ref={chooser}
            type="file"
            multiple
            hidden
            aria-label="Files"
            onChange={(event) => {
              const files = [...(event.currentTarget.files ?? [])];
              event.currentTarget.value = '';
              void conversation.attach(files);
            }}
          />
          <button type="button" class="icon" aria-label="Attach files" onClick={() => chooser.current?.click()}>
            <Icon name="clip" />
          </button>
          <label class="switch">
            <input
              type="checkbox"
              role="switch"
              aria-checked={conversation.code.value}
              checked={conversation.code.value}
              onChange={(event) => {
                conversation.code.value = event.currentTarget.checked;
              }}
            />
            Code interpreter
          </label>
          <button
            type="button"
            class="small"
            aria-expanded={hasInstructions}
            onClick={() => showInstructions(!hasInstructions)}
          >
            Instructions
          </button>
          <span class="grow" />
          <select
            aria-label="Model"
            value={conversation.model.value}
            onChange={(event) => {
              conversation.model.value = event.currentTarget.value;
            }}
          >
            {models.value?.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
          {isBusy ? (
            <button type="button" class="btn" onClick={() => void conversation.stop()}>
              <Icon name="stop" />
              Stop
            </button>
          ) : (
            <button type="submit" class="primary" disabled={text.trim() === '' || isHeld}>
              {isHeld ? 'Sends when the files are there' : 'Send'}
            </button>
          )}
        </div>
      </form>
    </div>
  );
}
