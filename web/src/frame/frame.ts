import createPurify from 'dompurify';

/**
 * Runs inside a frame with an origin of its own and no network, and shows one output. The frame's policy keeps everything else from
 * running; what is removed here besides could only disturb.
 */

interface Show {
  readonly t: 'show';
  readonly kind: 'html' | 'plotly';
  readonly theme: 'light' | 'dark';
  readonly html?: string;
  readonly figure?: string;
}

const script = document.currentScript as HTMLScriptElement;
const styles = `
:root { color-scheme: light; }
body { margin: 0; font: 14px/1.5 system-ui, sans-serif; background: #fff; color: #1d1c19; overflow-wrap: anywhere; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 3px 10px; border-bottom: 1px solid #dedbd2; text-align: right; }
img, svg { max-width: 100%; }
`;

addEventListener('message', (event) => {
  if (event.source !== parent || (event.data as Show | null)?.t !== 'show') return;
  const show = event.data as Show;
  const style = document.createElement('style');
  style.textContent = styles;
  document.head.append(style);
  if (show.kind === 'html') showHtml(String(show.html));
  if (show.kind === 'plotly') void showPlotly(String(show.figure));
  new ResizeObserver(tellHeight).observe(document.documentElement);
  tellHeight();
});

function showHtml(html: string): void {
  const purify = createPurify(window);
  const clean = purify.sanitize(html, {
    RETURN_DOM_FRAGMENT: true,
    ADD_TAGS: ['style'],
    FORBID_TAGS: ['form', 'input', 'button', 'select', 'textarea', 'meta', 'base', 'link', 'iframe', 'object', 'embed'],
    FORBID_ATTR: ['srcset', 'action', 'formaction', 'ping'],
    FORCE_BODY: true,
  });
  // Links lead nowhere from here; where they would lead can be read.
  for (const link of clean.querySelectorAll('a[href]')) {
    link.setAttribute('title', link.getAttribute('href') ?? '');
    link.removeAttribute('href');
  }
  document.body.append(clean);
}

declare const Plotly: { newPlot(place: Element, data: unknown, layout: unknown, config: unknown): Promise<unknown> };

async function showPlotly(text: string): Promise<void> {
  const { data, layout = {} } = JSON.parse(text) as { data: unknown; layout?: Record<string, unknown> };
  const place = document.createElement('div');
  document.body.append(place);
  await loadPlotly();
  const config = { displaylogo: false, responsive: true, showLink: false, plotlyServerURL: '', showSendToCloud: false };
  try {
    await Plotly.newPlot(place, data, { height: 420, ...layout, width: undefined, autosize: true }, config);
  } catch (error) {
    place.textContent = `This figure cannot be drawn: ${String(error)}`;
  }
  tellHeight();
}

function loadPlotly(): Promise<void> {
  return new Promise((resolve, reject) => {
    const plotly = document.createElement('script');
    plotly.src = script.dataset.plotly ?? '';
    plotly.nonce = script.nonce;
    plotly.onload = () => resolve();
    plotly.onerror = () => reject(new Error('the plotting library could not be loaded'));
    document.head.append(plotly);
  });
}

function tellHeight(): void {
  parent.postMessage({ t: 'height', px: document.body.scrollHeight }, '*');
}

parent.postMessage({ t: 'ready' }, '*');
