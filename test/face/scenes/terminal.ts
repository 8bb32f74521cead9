import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import type { Face } from '../pages.ts';
import { seriousFindings } from './anyone.ts';
import { openNotebook, runCell } from './notebook.ts';

const row = (page: Page, text: RegExp) => page.locator('.xterm-rows > div').filter({ hasText: text }).first();
const prompt = /[$#]\s*$/;

export function terminalScenes(face: () => Face): void {
  it('works on the files of the cells, says how it ended, and opens again', async () => {
    const { page, context, faults, foreign } = await openNotebook(face(), { colorScheme: 'dark' });
    await runCell(page, 'open("made.txt", "w").write("by a cell")');
    await page.getByRole('button', { name: 'Terminal', exact: true }).click();
    await row(page, prompt).waitFor();
    await page.keyboard.type('echo $((6*7)); cat made.txt\n');
    await row(page, /^42\s*$/).waitFor();
    await row(page, /^by a cell/).waitFor();
    // Colours of a program's own are style attributes in xterm.js, which the page's policy does not let in by themselves.
    await page.keyboard.type("printf '\\e[38;2;1;200;3mgr%s\\e[0m\\n' een\n");
    const green = page.locator('.xterm-rows span').filter({ hasText: /^green$/ });
    await green.waitFor();
    expect(await green.evaluate((element) => (element.computedStyleMap().get('color') ?? '').toString())).toBe(
      'rgb(1, 200, 3)',
    );
    expect(await page.locator('.xterm-screen').evaluate((element) => element.clientHeight)).toBeGreaterThan(100);
    expect(await seriousFindings(page)).toEqual([]);
    await page.getByRole('button', { name: 'Light or dark' }).click();
    const ground = page.locator('.xterm-scrollable-element').first();
    expect(await ground.evaluate((element) => element.style.backgroundColor)).toBe('rgb(239, 237, 231)');
    // A link that a program prints leads nowhere.
    await page.locator('.xterm').click();
    await page.keyboard.type("printf '\\e]8;;http://elsewhere.test\\e\\\\li%s\\e]8;;\\e\\\\\\n' nked\n");
    await row(page, /^linked/).hover({ position: { x: 10, y: 5 }, force: true });
    await row(page, /^linked/).click({ position: { x: 10, y: 5 }, force: true });
    expect(context.pages()).toHaveLength(1);
    // Its keys are the shell's, but for one that leaves it.
    await page.keyboard.press('Control+k');
    expect(await page.getByRole('dialog').count()).toBe(0);
    await page.keyboard.press('Shift+Escape');
    expect(await page.evaluate('document.activeElement.className')).toContain('cell');
    await page.locator('.xterm').click();
    await page.keyboard.type('exit 3\n');
    await page.getByText('Ended with code 3.').waitFor();
    await page.getByRole('button', { name: 'Open a new one' }).click();
    await row(page, prompt).waitFor();
    await page.keyboard.type('echo again$((1+1))\n');
    await row(page, /^again2/).waitFor();
    await page.getByRole('button', { name: 'Close the terminal' }).click();
    expect(await page.locator('.xterm').count()).toBe(0);
    expect(faults).toEqual([]);
    expect(foreign).toEqual([]);
    await context.close();
  });

  it('opens by the address and by a key, and ends when the page goes', async () => {
    const { page, context, session, api } = await openNotebook(face(), { colorScheme: 'light' });
    const running = async () =>
      (await api.json<{ data: { state: string }[] }>('GET', `/sessions/${session}/commands`)).data.filter(
        ({ state }) => state === 'running',
      ).length;
    await page.goto(`${page.url()}#terminal`);
    await row(page, prompt).waitFor();
    expect(await running()).toBe(1);
    expect(await seriousFindings(page)).toEqual([]);
    await page.getByRole('button', { name: 'Close the terminal' }).click();
    await expect.poll(running, { timeout: 20_000, interval: 100 }).toBe(0);
    await page.locator('.cell').first().focus();
    await page.keyboard.press('t');
    await row(page, prompt).waitFor();
    await context.close();
    await expect.poll(running, { timeout: 20_000, interval: 100 }).toBe(0);
  });
}
