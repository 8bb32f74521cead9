import { signal } from '@preact/signals';

/** Where the page is, below `/ui/`: no leading slash. Kept in the address, so that every view can be linked to. */
export const place = signal(read());

function read(): { readonly path: string; readonly query: URLSearchParams } {
  return { path: location.pathname.replace(/^\/ui\/?/, ''), query: new URLSearchParams(location.search) };
}

addEventListener('popstate', () => {
  place.value = read();
});

// Links inside the pages change the view without loading them again.
addEventListener('click', (event) => {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
  const link = (event.target as Element | null)?.closest?.('a');
  if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
  if (!link.pathname.startsWith('/ui/') || link.pathname.startsWith('/ui/assets/')) return;
  event.preventDefault();
  go(link.pathname.slice('/ui/'.length) + link.search);
});

/** @param to path and query below `/ui/` */
export function go(to: string, replaces = false): void {
  if (replaces) history.replaceState(null, '', `/ui/${to}`);
  else history.pushState(null, '', `/ui/${to}`);
  place.value = read();
}
