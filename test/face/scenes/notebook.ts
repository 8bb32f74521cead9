import { readFile } from 'node:fs/promises';
import type { FrameLocator, Locator, Page } from 'playwright-core';
import { expect, it, vi } from 'vitest';
import { nativeClient } from '../../support/native.ts';
import type { Face } from '../pages.ts';

/**
 * Waits until a frame shows something. A browser draws a frame when it is in sight, and what comes later above it may move it out of sight
 * again.
 */
export async function drawn(page: Page, title: string, shown: (frame: FrameLocator) => Locator): Promise<void> {
  await vi.waitFor(async () => {
    await page.locator(`iframe[title="${title}"]`).scrollIntoViewIfNeeded();
    await shown(page.frameLocator(`iframe[title="${title}"]`))
      .first()
      .waitFor({ timeout: 2000 });
  }, 45_000);
}

/** Opens a new session as a notebook. */
export async function openNotebook(face: Face, options: Parameters<Face['open']>[1] = {}) {
  const api = nativeClient(face.server);
  const session = await api.session({ name: 'scene' });
  const visit = await face.open(`notebook/${session}`, options);
  await visit.page.locator('.cell').first().waitFor();
  return { ...visit, session, api };
}

/** Writes code into the last cell and runs it; the next cell is ready then. */
export async function runCell(page: Page, code: string, language?: string): Promise<void> {
  const cell = page.locator('.cell').last();
  if (language !== undefined) await cell.getByLabel('Language of this cell').selectOption(language);
  if ((await cell.locator('.cm-content').count()) === 0) await cell.locator('.code').click();
  await cell.locator('.cm-content').fill(code);
  await page.keyboard.press('Shift+Enter');
}

async function exportAs(page: Page, form: RegExp): Promise<void> {
  await page.locator('summary[aria-label=Export]').click();
  await page.getByRole('button', { name: form }).click();
}

export function notebookScenes(face: () => Face): void {
  it('five languages run in one notebook, and their variables and files stay', async () => {
    const { page, context, faults, foreign } = await openNotebook(face());
    await runCell(page, 'x = 6\nopen("kept.txt", "w").write("kept")\nx * 7', 'python');
    await page.locator('.res').first().getByText('42').waitFor();
    await runCell(page, 'const y: number = 7; y * 6', 'typescript');
    await runCell(page, 'cat kept.txt; echo " in bash"', 'bash');
    await runCell(page, 'fn main() { println!("rust {}", 40 + 2); }', 'rust');
    await runCell(page, 'cat("r", 6 * 7, "\\n")', 'r');
    await page.locator('.cell').nth(1).locator('.res').getByText('42').waitFor();
    await page.getByText('kept in bash').waitFor();
    await page.getByText('rust 42').waitFor();
    await page.getByText('r 42').waitFor();
    await page.getByRole('tab', { name: /Files/ }).click();
    await page.getByRole('link', { name: 'kept.txt', exact: true }).first().waitFor();
    expect(faults).toEqual([]);
    expect(foreign).toEqual([]);
    // Everything is there again after the page is loaded anew.
    await page.reload();
    await page.getByText('rust 42').waitFor();
    expect(await page.locator('.cell').count()).toBe(6);
    await context.close();
  });

  it('output comes as it is printed, bars redraw in their line, and an interrupt keeps the variables', async () => {
    const { page, context } = await openNotebook(face());
    const code = [
      'import sys, time',
      'kept = 5',
      'for i in range(1, 4):',
      '    print(f"\\r{i} of 3", end="", flush=True); time.sleep(0.2)',
      'print()',
      'print("looping", flush=True)',
      'while True: pass',
    ].join('\n');
    await runCell(page, code);
    await page.locator('.res').getByText('looping').waitFor();
    const cell = page.locator('.cell').first();
    expect(await cell.locator('.res pre').innerText()).toBe('3 of 3\nlooping');
    await cell.getByRole('button', { name: 'Interrupt' }).click();
    await cell.getByText(/Interrupted after .* Variables kept\./).waitFor();
    await runCell(page, 'kept + 1');
    await page.locator('.cell').nth(1).locator('.res').getByText('6').waitFor();
    await context.close();
  });

  it('an error marks its line, and its traceback opens', async () => {
    const { page, context } = await openNotebook(face());
    await runCell(page, 'a = 1\nb = {}["nort"]\nc = 3');
    const cell = page.locator('.cell').first();
    await cell.getByText("KeyError: 'nort'").waitFor();
    await expect.poll(() => cell.locator('.mark').innerText()).toContain('b = {}["nort"]');
    // It is told once: stderr does not repeat it.
    expect(await cell.locator('.res').getByText('KeyError').count()).toBe(1);
    await cell.getByRole('button', { name: 'Show traceback' }).click();
    await cell.getByText('line 2').first().waitFor();
    await context.close();
  });

  it('tables, figures, drawings, formulas, plotly and HTML are shown in their forms', async () => {
    const { page, context, faults, foreign } = await openNotebook(face());
    await runCell(page, 'import pandas as pd\npd.DataFrame({"n": range(300), "word": ["a", None, "c"] * 100})');
    const table = page.getByRole('region', { name: /Table, 300 rows/ });
    await table.waitFor();
    await table.getByText('text · 100 empty').waitFor();
    expect(await table.locator('tbody tr').count()).toBeLessThan(60);
    await runCell(
      page,
      'import matplotlib.pyplot as plt\nplt.plot([1, 2, 3], [1, 4, 9], label="up")\nplt.title("Growth")\nplt.show()',
    );
    const figure = page.locator('.fig img').first();
    await figure.waitFor();
    expect(await figure.getAttribute('alt')).toMatch(/line chart, Growth.*from 1 to 9/);
    await page.getByRole('button', { name: 'Explore' }).click();
    await page.locator('.chart svg').first().waitFor();
    await runCell(
      page,
      'from IPython.display import SVG, Math, HTML, Markdown\ndisplay(Math(r"\\frac{1}{2}"), Markdown("**strong**"), HTML("<b>bold html</b>"))',
    );
    await page.locator('.katex').first().waitFor();
    await page.locator('strong').getByText('strong').waitFor();
    await drawn(page, 'HTML output', (frame) => frame.getByText('bold html'));
    await runCell(page, 'import plotly.express as px\npx.bar(x=["a", "b"], y=[1, 3])');
    await drawn(page, 'Interactive figure', (frame) => frame.locator('.plot-container'));
    expect(faults).toEqual([]);
    expect(foreign).toEqual([]);
    await context.close();
  });

  it('a frame that is ready before the page could draw is shown all the same', async () => {
    const { page, context } = await openNotebook(face());
    await page.evaluate(`
      const isFrame = ({ addedNodes }) => [...addedNodes].some((node) => node.querySelector?.('iframe') || node.localName === 'iframe');
      new MutationObserver((changes) => {
        for (const until = performance.now() + 3000; changes.some(isFrame) && performance.now() < until; );
      }).observe(document.body, { childList: true, subtree: true });
    `);
    await runCell(page, 'from IPython.display import HTML\nHTML("<b>bold html</b>")');
    await drawn(page, 'HTML output', (frame) => frame.getByText('bold html'));
    await context.close();
  });

  it('ten megabytes of output are folded with an exact count and do not freeze the page', async () => {
    const { page, context } = await openNotebook(face());
    await page.evaluate(`
      window.seen = [0];
      new PerformanceObserver((list) => seen.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: 'longtask' });
    `);
    await runCell(page, 'line = "x" * 99\nfor i in range(105_000): print(line)');
    const cell = page.locator('.cell').first();
    await cell.getByText(/lines folded/).waitFor({ timeout: 30_000 });
    await cell.locator('.bar').getByText(/MB/).waitFor({ timeout: 30_000 });
    // A busy machine takes longer over a task than an idle one; half a second would be felt.
    const longest = await page.evaluate('Math.max(...seen)');
    expect(longest).toBeLessThan(500);
    await cell.getByRole('button', { name: 'Show all' }).click();
    expect(
      await cell
        .locator('.lines pre')
        .innerText()
        .then((text) => text.split('\n').length),
    ).toBeLessThan(200);
    await context.close();
  });

  it('a restart empties the variables, says so, and the cells can be run again; a fork takes files and cells', async () => {
    const { page, context } = await openNotebook(face());
    page.on('dialog', (dialog) => void dialog.accept());
    await runCell(page, 'z = 11\nopen("f.txt", "w").write("f")');
    await page.locator('.cell').first().getByText('[1]').waitFor();
    await page.getByRole('button', { name: 'Restart' }).click();
    await page.getByText('The variables of earlier runs are gone. The files are all here.').waitFor();
    await page.getByRole('button', { name: /Run the 1 cell again/ }).click();
    await page.getByText('The variables of earlier runs are gone.').waitFor({ state: 'hidden' });
    const before = page.url();
    await page.getByRole('button', { name: 'Fork' }).click();
    await page.waitForURL((url) => url.href !== before);
    await page.locator('.cell').first().getByText('z = 11').waitFor();
    await page.getByRole('tab', { name: /Files 1/ }).waitFor();
    await context.close();
  });

  it('a notebook file is exported as Jupyter reads it, and imported without running anything', async () => {
    const { page, context } = await openNotebook(face());
    await runCell(page, 'print("hello from here")\n5');
    await page.locator('.res').getByText('hello from here').waitFor();
    const [download] = await Promise.all([page.waitForEvent('download'), exportAs(page, /ipynb/)]);
    const path = (await download.path())!;
    const file = JSON.parse(await readFile(path, 'utf8'));
    expect(file).toMatchObject({
      nbformat: 4,
      cells: [{ cell_type: 'code', source: 'print("hello from here")\n5' }, {}],
    });
    expect(file.cells[0].outputs.map(({ output_type: type }: { output_type: string }) => type)).toEqual([
      'stream',
      'execute_result',
    ]);
    file.cells[0].source = 'print("imported, not run")';
    const imported = {
      name: 'in.ipynb',
      mimeType: 'application/x-ipynb+json',
      buffer: Buffer.from(JSON.stringify(file)),
    };
    await page.getByLabel('Notebook file', { exact: true }).setInputFiles(imported);
    await page.locator('.cell').first().getByText('imported, not run').waitFor();
    await page.locator('.res').getByText('hello from here').waitFor();
    await context.close();
  });

  it('is exported as a script and as a page, which runs nothing of what its programs made', async () => {
    const { page, context } = await openNotebook(face());
    const hostile = '<b>bold words</b><script>document.title = "ran"</script><img src=x onerror="document.title = 1">';
    await runCell(
      page,
      'from IPython.display import HTML\nimport pandas as pd\ndisplay(pd.DataFrame({"</td><script>": ["<i>"]}))',
    );
    await page.locator('.grid').waitFor();
    await runCell(
      page,
      `display(HTML(${JSON.stringify(hostile)}))\nprint("</pre><script>document.title='ran'</script>")`,
    );
    await page.locator('.cell').nth(1).locator('iframe').waitFor();
    await runCell(page, 'echo from bash', 'bash');
    await page.locator('.cell').nth(2).locator('.res').getByText('from bash').waitFor();
    const file = async (form: RegExp) => {
      const [download] = await Promise.all([page.waitForEvent('download'), exportAs(page, form)]);
      return readFile((await download.path())!, 'utf8');
    };
    const script = await file(/\.py/);
    expect(script).toContain('# %%\nfrom IPython.display import HTML\n');
    expect(script).toContain('# %% [bash]\n# echo from bash\n');
    const html = await file(/\.html/);
    const opened = await context.newPage();
    await opened.setContent(html);
    await opened.frameLocator('iframe').first().getByText('bold words').waitFor();
    expect(await opened.locator('table td').first().innerText()).toBe('<i>');
    expect(await opened.title()).toBe('scene');
    expect(await opened.locator('body script').count()).toBe(0);
    expect(await opened.frames()[1]!.title()).not.toMatch(/ran|1/);
    await context.close();
  });

  it('places that a compiler names lead into the source, whose line is marked', async () => {
    const { page, context } = await openNotebook(face());
    await runCell(page, 'fn main() {\n    let x: i32 = "text";\n}', 'rust');
    const cell = page.locator('.cell').first();
    const place = cell.getByRole('button', { name: /main\.rs:2:/ }).first();
    await place.waitFor();
    await expect.poll(() => cell.locator('.mark').innerText()).toContain('let x: i32');
    await place.click();
    await cell.locator('.cm-content:focus').waitFor();
    await page.keyboard.type('HERE');
    await cell.getByText('let x: i32 = HERE"text"').waitFor();
    await context.close();
  });

  it('the files that a run made are beside it after the page is loaded anew', async () => {
    const { page, context } = await openNotebook(face());
    await runCell(page, 'written = open("made.txt", "w").write("made")');
    const made = page
      .locator('.cell')
      .first()
      .getByRole('link', { name: /made\.txt.*new/ });
    await made.waitFor();
    await page.reload();
    await made.waitFor();
    await context.close();
  });

  it('what another client runs in the session appears as it runs', async () => {
    const { page, context, session, api } = await openNotebook(face());
    const ended = api.cell(session, 'import time\nprint("from an agent", flush=True)\ntime.sleep(1)\n"done"');
    await page.getByText('run elsewhere').waitFor();
    await page.locator('.res').getByText('from an agent').waitFor();
    await ended;
    await page.locator('.res').getByText("'done'").waitFor();
    await context.close();
  });

  it('files are dropped into the session and read in a cell', async () => {
    const { page, context } = await openNotebook(face());
    await page.getByRole('tab', { name: /Files/ }).click();
    const csv = {
      name: 'sales.csv',
      mimeType: 'text/csv',
      buffer: Buffer.from('region,amount\nnorth,118\nsouth,204\n'),
    };
    await page.locator('aside input[type=file]').setInputFiles(csv);
    await page.getByRole('button', { name: 'Read in a cell' }).click();
    await page.locator('.cm-content').getByText('read_csv').waitFor();
    await page.keyboard.press('Shift+Enter');
    await page.getByRole('region', { name: /Table, 2 rows/ }).waitFor();
    await page.getByRole('link', { name: 'sales.csv', exact: true }).click();
    await page.getByRole('main', { name: 'File' }).getByText('north').waitFor();
    await context.close();
  });

  it('two windows do not overwrite each other', async () => {
    const { page, context, session } = await openNotebook(face());
    await runCell(page, 'first = 1');
    await page.locator('.cell').first().getByText('[1]').waitFor();
    const other = await context.newPage();
    await other.goto(`${face().server.url}/ui/notebook/${session}`);
    await other.locator('.cell').first().getByText('[1]').waitFor();
    await runCell(other, 'second = 2');
    await other.locator('.cell').nth(1).getByText('[2]').waitFor();
    await page.bringToFront();
    await page.getByRole('button', { name: 'Text', exact: true }).click();
    await page.keyboard.type('# mine');
    await page.getByText('This notebook was changed in another window.').waitFor();
    await page.getByRole('button', { name: 'Keep mine' }).click();
    await page.getByText('This notebook was changed in another window.').waitFor({ state: 'hidden' });
    await context.close();
  });

  it('completes from the kernel, tells what a name is, lists the variables, and runs no code of their classes', async () => {
    const { page, context, session, api } = await openNotebook(face());
    const code = [
      'class Trap:',
      '    def __repr__(self): raise SystemExit',
      '    def __len__(self): raise SystemExit',
      '    @property',
      '    def __class__(self): raise SystemExit',
      'trap = Trap()',
      'measured_values = [3, 4]',
    ].join('\n');
    await runCell(page, code);
    await page.locator('aside').getByText('measured_values').waitFor();
    await page.locator('aside').getByText('2 items').waitFor();
    await page.locator('aside').getByText('trap').waitFor();
    await runCell(page, 'const measuredInJs = [1, 2, 3];', 'javascript');
    await page.locator('aside').getByText('measuredInJs').waitFor();
    await page.locator('aside').getByText('3 items').waitFor();
    await page.locator('.cell').last().getByLabel('Language of this cell').selectOption('python');
    await page.locator('.cm-content').click();
    await page.keyboard.type('measured_values.app');
    const list = page.locator('.cm-tooltip-autocomplete');
    await list.getByText('append').waitFor();
    // A list takes no key right after it has opened, so that none is taken by accident.
    await list.getByText('append').click();
    await expect.poll(() => page.locator('.cm-content').innerText()).toBe('measured_values.append');
    await page.locator('.cm-content').fill('len(');
    await page.keyboard.press('End');
    await page.keyboard.press('Shift+Tab');
    await page.locator('.cm-tooltip').getByText('Return the number of items').waitFor();
    // None of it is in the history, and no number is used up.
    const answer = await api.cell(session, 'In[-1], len(In)');
    expect(answer.results[0]!['text/plain']).toContain('3)');
    const file = await api.json<{ cells: readonly unknown[] }>('GET', `/sessions/${session}/notebook`);
    expect(file.cells.length).toBe(3);
    await context.close();
  });

  it('input() asks in the notebook and goes on with the answer; without a notebook it says that there is none', async () => {
    const { page, context, session, api } = await openNotebook(face());
    await runCell(page, 'name = input("Who? ")\nprint("hello", name)');
    await page.getByLabel('Who?').fill('Ann');
    await expect.poll(() => page.title()).toContain('Waits for your input');
    await page.getByLabel('Who?').press('Enter');
    await page.locator('.res').getByText('hello Ann').waitFor();
    await runCell(page, 'from getpass import getpass\nlen(getpass())');
    const secret = page.locator('.res input[type=password]');
    await secret.fill('secret words');
    await secret.press('Enter');
    await page.locator('.res').getByText('12', { exact: true }).waitFor();
    expect(await page.locator('.res').getByText('secret words').count()).toBe(0);
    const { error } = await api.cell(session, 'input("Who? ")');
    expect(error).toMatchObject({ name: 'EOFError' });
    await context.close();
  });

  it('a copy is read by its link without a key, shows how things were, and ends when its owner ends it', async () => {
    const { page, context, session, api } = await openNotebook(face());
    await runCell(page, 'print("as it was")');
    await page.locator('.res').getByText('as it was').waitFor();
    page.on('dialog', (dialog) => void dialog.accept('2'));
    await page.getByRole('button', { name: 'Share a copy by a link' }).click();
    const link = await page.locator('.note a').getAttribute('href');
    await runCell(page, 'print("later")');
    const other = await face().open(new URL(link!).pathname.slice('/ui/'.length), { signedIn: false });
    await other.page.locator('.out').getByText('as it was').waitFor();
    expect(await other.page.getByText('later').count()).toBe(0);
    expect(await other.page.getByRole('navigation').count()).toBe(0);
    expect(other.faults).toEqual([]);
    const { data } = await api.json<{ data: readonly { id: string }[] }>('GET', `/sessions/${session}/shares`);
    expect(data.length).toBe(1);
    // The id is a hash: it opens nothing.
    expect((await fetch(`${face().server.url}/shared/${data[0]!.id.slice(0, 32)}`)).status).toBe(404);
    expect((await api.send('DELETE', `/sessions/${session}/shares/${data[0]!.id}`)).status).toBe(204);
    await other.page.reload();
    await other.page.getByText('This link has ended').waitFor();
    await other.context.close();
    await context.close();
  });
}
