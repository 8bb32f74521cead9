/** Tells the operator what a long step is doing. */
export interface Progress {
  /** A finished fact, on a line of its own. */
  note(text: string): void;
  /** Begins a phase and ends the one before; it is shown with its running time until the next phase or `end`. */
  phase(text: string): void;
  /** How far the phase is: counts, a name. */
  detail(text: string): void;
  /** Ends the phase. Nothing is left running. */
  end(): void;
}

export interface ProgressOptions {
  /** Where to write: `process.stderr`, or anything that takes text. */
  stream: { write(text: string): unknown; isTTY?: boolean; columns?: number };
  /** Milliseconds of a clock that only goes forward. */
  now?: () => number;
}

const terminalIntervalMs = 200;
const plainIntervalMs = 2000;

/** One line that is written over on a terminal; elsewhere a line at the start of a phase and then every two seconds. */
export function createProgress({ stream, now = () => performance.now() }: ProgressOptions): Progress {
  const terminal = stream.isTTY === true;
  let current: { text: string; detail: string; since: number } | undefined;
  let timer: NodeJS.Timeout | undefined;

  const line = () => {
    if (!current) return '';
    const seconds = Math.round((now() - current.since) / 1000);
    return `${current.text}${current.detail && `: ${current.detail}`}${seconds > 0 ? ` (${seconds} s)` : ''}`;
  };
  const draw = () => {
    if (terminal) stream.write(`\r\x1b[2K${line().slice(0, (stream.columns || 80) - 1)}`);
    else stream.write(`${line()}\n`);
  };
  const end = () => {
    clearInterval(timer);
    if (current && terminal) stream.write(`\r\x1b[2K${line()}\n`);
    current = undefined;
  };
  return {
    note(text) {
      if (current && terminal) stream.write('\r\x1b[2K');
      stream.write(`${text}\n`);
    },
    phase(text) {
      end();
      current = { text, detail: '', since: now() };
      draw();
      timer = setInterval(draw, terminal ? terminalIntervalMs : plainIntervalMs);
    },
    detail(text) {
      if (current) current.detail = text;
    },
    end,
  };
}
