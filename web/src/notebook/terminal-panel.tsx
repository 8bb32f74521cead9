import '@xterm/xterm/css/xterm.css';
import { useEffect, useRef, useState } from 'preact/hooks';
import { call, messageOf } from '../api/http.ts';
import { Icon } from '../app/icons.tsx';
import type { Notebook } from './notebook.ts';
import { TerminalScreen } from './terminal-screen.ts';

/** A terminal in the sandbox of the notebook's session. It ends when it is closed. */
export function TerminalPanel({ notebook }: { notebook: Notebook }) {
  const place = useRef<HTMLDivElement>(null);
  const connect = useRef(() => {});
  /** Undefined: it is open, or opens. */
  const [ended, setEnded] = useState<string | undefined>(undefined);
  const close = () => {
    notebook.isTerminalOpen.value = false;
    document.getElementById(`cell-${notebook.selected.value}`)?.focus();
  };
  useEffect(() => {
    let socket: WebSocket | undefined;
    const send = (data: string | Uint8Array<ArrayBuffer>) => {
      if (socket?.readyState === WebSocket.OPEN) socket.send(data);
    };
    const screen = new TerminalScreen(place.current!, {
      onInput: send,
      onSize: (size) => send(JSON.stringify(size)),
      onLeave: () => document.getElementById(`cell-${notebook.selected.value}`)?.focus(),
    });
    connect.current = () => {
      setEnded(undefined);
      screen.clear();
      screen.focus();
      socket = follow(notebook.id, screen, (words) => {
        setEnded(words);
        void notebook.refresh();
      });
    };
    connect.current();
    return () => {
      const last = socket;
      socket = undefined;
      if (last) last.onmessage = last.onclose = null;
      last?.close();
      screen.close();
    };
  }, [notebook]);
  return (
    <section class="terminal" aria-label="Terminal" onKeyDown={(event) => event.stopPropagation()}>
      <div class="terminal-bar small">
        <b>Terminal</b>
        <span class="muted wide">Shift+Esc leaves it</span>
        <span class="grow" role="status">
          {ended}
        </span>
        {ended !== undefined && (
          <button type="button" class="btn" onClick={() => connect.current()}>
            <Icon name="redo" />
            Open a new one
          </button>
        )}
        <button type="button" class="icon" aria-label="Close the terminal" onClick={close}>
          <Icon name="cross" />
        </button>
      </div>
      <div ref={place} class="terminal-screen" />
    </section>
  );
}

/** Opens a terminal on the screen; `onEnd` gets why it is over, once. */
function follow(sessionId: string, screen: TerminalScreen, onEnd: (words: string) => void): WebSocket {
  const { cols, rows } = screen.size;
  const base = location.origin.replace(/^http/, 'ws');
  const socket = new WebSocket(`${base}/v1/sessions/${sessionId}/terminal?cols=${cols}&rows=${rows}`);
  socket.binaryType = 'arraybuffer';
  let wasOpen = false;
  let words = 'The connection was lost, and what ran in the terminal has ended.';
  socket.onopen = () => {
    wasOpen = true;
    // The window may have another size by now.
    socket.send(JSON.stringify(screen.size));
  };
  socket.onmessage = ({ data }) => {
    if (typeof data !== 'string') return screen.show(new Uint8Array(data as ArrayBuffer));
    const said = JSON.parse(data) as Said;
    if (said.error !== undefined) screen.show(new TextEncoder().encode(`\r\n[${said.error}]\r\n`));
    else if (said.gap !== undefined) screen.show(new TextEncoder().encode('\r\n[Some output was dropped.]\r\n'));
    else words = endOf(said);
  };
  socket.onclose = async () => onEnd(wasOpen ? words : await refusalOf(sessionId));
  return socket;
}

/** A text frame of the service. */
interface Said {
  readonly error?: string;
  readonly gap?: number | null;
  readonly exit?: number | null;
  readonly reason?: string;
}

function endOf({ exit, reason }: Said): string {
  if (reason === 'exited') return `Ended with code ${exit}.`;
  return (reason !== undefined && ends[reason]) || 'Ended.';
}

const ends: Readonly<Record<string, string>> = {
  killed: 'Ended by a signal.',
  timed_out: 'Ended: its time is over.',
  out_of_memory: 'Ended: the memory of the session is full.',
  sandbox_gone: 'Ended with the sandbox of the session.',
};

/** Browsers do not tell why a WebSocket was refused; the session may. */
async function refusalOf(sessionId: string): Promise<string> {
  try {
    await call('GET', `/sessions/${sessionId}`);
    return 'Not opened: too much runs in this session, or in the service. Try again in a moment.';
  } catch (error) {
    return messageOf(error);
  }
}
