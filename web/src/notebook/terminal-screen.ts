import { FitAddon } from '@xterm/addon-fit';
import { type ITheme, Terminal } from '@xterm/xterm';
import { theme } from '../app/theme.ts';

/** The page's policy lets a style in only with the nonce of this page. */
const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? '';

export interface ScreenOptions {
  readonly onInput: (bytes: Uint8Array<ArrayBuffer>) => void;
  readonly onSize: (size: { cols: number; rows: number }) => void;
  /** The keyboard leaves the terminal. */
  readonly onLeave: () => void;
}

/** What a terminal shows, and what is typed at it. */
export class TerminalScreen {
  readonly #terminal: Terminal;
  readonly #fit = new FitAddon();
  readonly #resized: ResizeObserver;
  readonly #unfollow: () => void;
  /** Bytes that are not drawn yet. */
  #waiting = 0;
  #isDropping = false;

  constructor(parent: HTMLElement, { onInput, onSize, onLeave }: ScreenOptions) {
    const variable = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    setStylesAsProperties();
    const terminal = new Terminal({
      fontFamily: variable('--mono'),
      fontSize: 13,
      scrollback: 5000,
      minimumContrastRatio: 4.5,
      // What a program prints opens no page.
      linkHandler: { activate() {} },
    });
    this.#terminal = terminal;
    this.#unfollow = theme.subscribe(() => {
      terminal.options.theme = coloursOf(variable);
    });
    terminal.loadAddon(this.#fit);
    withNonce(() => terminal.open(parent));
    terminal.attachCustomKeyEventHandler((event) => {
      const leaves = event.key === 'Escape' && event.shiftKey;
      if (leaves && event.type === 'keydown') onLeave();
      return !leaves;
    });
    terminal.onData((text) => onInput(new TextEncoder().encode(text)));
    terminal.onBinary((text) => onInput(Uint8Array.from(text, (each) => each.charCodeAt(0))));
    terminal.onResize(({ cols, rows }) => onSize({ cols, rows }));
    this.#resized = new ResizeObserver(() => this.#fit.fit());
    this.#resized.observe(parent);
    this.#fit.fit();
  }

  get size(): { cols: number; rows: number } {
    const { cols, rows } = this.#terminal;
    return { cols, rows };
  }

  focus(): void {
    this.#terminal.focus();
  }

  /** Shows bytes. A flood that cannot be drawn in time is cut, and says so. */
  show(data: Uint8Array): void {
    if (this.#waiting > maxWaiting) {
      this.#isDropping = true;
      return;
    }
    if (this.#isDropping) this.#terminal.write('\r\n[Some output was dropped.]\r\n');
    this.#isDropping = false;
    this.#waiting += data.length;
    this.#terminal.write(data, () => {
      this.#waiting -= data.length;
    });
  }

  clear(): void {
    this.#terminal.reset();
  }

  close(): void {
    this.#unfollow();
    this.#resized.disconnect();
    this.#terminal.dispose();
  }
}

const maxWaiting = 2_000_000;

/** The colours of the page for the sixteen of a terminal. */
function coloursOf(variable: (name: string) => string): ITheme {
  const [text, muted, accent] = [variable('--text'), variable('--muted'), variable('--accent')];
  const [red, green, yellow] = [variable('--danger'), variable('--ok'), variable('--warn')];
  const [blue, magenta] = [variable('--info'), variable('--k')];
  return {
    background: variable('--sunken'),
    foreground: text,
    cursor: text,
    cursorAccent: variable('--sunken'),
    selectionBackground: variable('--soft'),
    black: text,
    red,
    green,
    yellow,
    blue,
    magenta,
    cyan: accent,
    white: muted,
    brightBlack: muted,
    brightRed: red,
    brightGreen: green,
    brightYellow: yellow,
    brightBlue: blue,
    brightMagenta: magenta,
    brightCyan: accent,
    brightWhite: text,
  };
}

/** Does what `make` does; every `<style>` element that it creates has the nonce. xterm.js has no setting for one. */
function withNonce(make: () => void): void {
  document.createElement = (name: string, options?: ElementCreationOptions) => {
    const element = Document.prototype.createElement.call(document, name, options);
    if (name === 'style') element.nonce = nonce;
    return element;
  };
  try {
    make();
  } finally {
    // That of the prototype is there again.
    Reflect.deleteProperty(document, 'createElement');
  }
}

/**
 * Makes the `style` attribute of spans a property. xterm.js writes the colours of cells as that attribute, and
 * the page's policy does not let style attributes in.
 */
function setStylesAsProperties(): void {
  HTMLSpanElement.prototype.setAttribute = function (name, value) {
    if (name === 'style') this.style.cssText = value;
    else Element.prototype.setAttribute.call(this, name, value);
  };
}
