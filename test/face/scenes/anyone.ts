import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import type { Face } from '../pages.ts';
import { openNotebook, runCell } from './notebook.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Pixels by which the page itself scrolls sideways. */
const overflow = 'document.documentElement.scrollWidth - innerWidth';

/** What axe finds that is serious. It looks from outside the page's policy, in a world of its own. */
export async function seriousFindings(page: Page): Promise<string[]> {
  const session = await page.context().newCDPSession(page);
  const { frameTree } = await session.send('Page.getFrameTree');
  const { executionContextId: contextId } = await session.send('Page.createIsolatedWorld', {
    frameId: frameTree.frame.id,
  });
  await session.send('Runtime.evaluate', { contextId, expression: axe });
  const { result } = await session.send('Runtime.evaluate', {
    contextId,
    awaitPromise: true,
    returnByValue: true,
    expression: `axe.run(document, { iframes: false, resultTypes: ['violations'] }).then(({ violations }) => violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => id + ': ' + nodes.slice(0, 3).map(({ html }) => html.slice(0, 160)).join(' | ')))`,
  });
  return result.value;
}

export function anyoneScenes(face: () => Face): void {
  it.each([
    ['light', 1400],
    ['dark', 420],
  ] as const)('axe finds nothing serious in any view, %s, %i pixels wide', async (colorScheme, width) => {
    const { page, context } = await openNotebook(face(), { colorScheme, viewport: { width, height: 900 } });
    await runCell(page, 'import pandas as pd\nprint("words")\ndisplay(pd.DataFrame({"a": [1, 2]}))\n1 / 0');
    await page.getByText('ZeroDivisionError').first().waitFor();
    const found: Record<string, string[]> = { notebook: await seriousFindings(page) };
    const operator = [
      'operator',
      'operator/runs',
      'operator/sessions',
      'operator/keys',
      'operator/usage',
      'operator/health',
    ];
    for (const path of ['notebooks', 'files', 'chat', 'start', 'settings', ...operator]) {
      await page.goto(`${face().server.url}/ui/${path}`);
      await page.getByRole('main').first().waitFor();
      await page.locator('.first').waitFor({ state: 'hidden' });
      await page.getByText('Loading', { exact: true }).first().waitFor({ state: 'hidden' });
      found[path] = await seriousFindings(page);
      // Nothing makes the page itself scroll sideways.
      expect(await page.evaluate(overflow)).toBeLessThanOrEqual(0);
    }
    expect(Object.entries(found).filter(([, findings]) => findings.length > 0)).toEqual([]);
    await context.close();
  });

  it('at 200 % everything is still reachable', async () => {
    const { page, context } = await openNotebook(face(), {
      viewport: { width: 700, height: 450 },
      deviceScaleFactor: 2,
    });
    await page.getByRole('button', { name: 'Run all' }).waitFor();
    await page.getByRole('button', { name: 'Variables and files' }).click();
    await page.getByRole('tab', { name: /Files/ }).click();
    await page.getByRole('button', { name: 'Upload' }).waitFor();
    expect(await page.evaluate(overflow)).toBeLessThanOrEqual(0);
    await context.close();
  });

  it('a notebook is written, run, walked and changed by keys alone', async () => {
    const { page, context } = await openNotebook(face());
    const cells = page.locator('.cell');
    await cells.first().focus();
    await page.keyboard.press('Enter');
    await page.locator('.cell .cm-content:focus').waitFor();
    await page.keyboard.type('print("by key")');
    await cells.first().getByText('print("by key")').waitFor();
    await page.keyboard.press('Shift+Enter');
    await page.locator('.res').getByText('by key').waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('k');
    await expect.poll(() => cells.first().getAttribute('class')).toContain('sel');
    await page.keyboard.press('b');
    await expect.poll(() => cells.count()).toBe(3);
    await page.keyboard.press('d');
    await page.keyboard.press('d');
    await expect.poll(() => cells.count()).toBe(2);
    await page.keyboard.press('z');
    await expect.poll(() => cells.count()).toBe(3);
    await page.keyboard.press('m');
    await expect.poll(() => page.locator('.cell.text').count()).toBe(1);
    await page.keyboard.press('Control+k');
    await page.getByRole('dialog', { name: 'Find' }).waitFor();
    await context.close();
  });

  it('500 cells are there within seconds, can be found and scrolled', async () => {
    const { page, context, session, api } = await openNotebook(face());
    const many = Array.from({ length: 500 }, (_, at) => ({
      id: `c${at}`,
      kind: 'code',
      language: 'python',
      source: `value_${at} = ${at}\nprint(value_${at})`,
    }));
    expect((await api.send('PUT', `/sessions/${session}/document`, { cells: many })).status).toBe(204);
    await page.reload();
    await page.locator('#cell-c480').waitFor({ state: 'attached' });
    const slow = await page.evaluate(`(async () => {
      const scroller = document.querySelector('.scroll');
      let late = 0;
      let frames = 0;
      for (let last = performance.now(); scroller.scrollTop + scroller.clientHeight < scroller.scrollHeight - 2 && frames < 400; frames++) {
        scroller.scrollTop += 600;
        await new Promise((resolve) => requestAnimationFrame(resolve));
        const now = performance.now();
        if (now - last > 100) late++;
        last = now;
      }
      return late / frames;
    })()`);
    expect(slow).toBeLessThan(0.2);
    // The browser's own search finds text of a cell far away.
    expect(await page.evaluate("find('value_480')")).toBe(true);
    await context.close();
  });
}
