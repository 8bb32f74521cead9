import { expect, it } from 'vitest';
import { nativeClient } from '../../support/native.ts';
import type { Face } from '../pages.ts';

const plotted = [
  '# Compared growth by region',
  'import os, time',
  'print("row 0", flush=True)',
  'while not os.path.exists("/tmp/shown"): time.sleep(0.05)',
  'import matplotlib.pyplot as plt',
  'plt.plot([1, 2, 3], [1, 4, 9]); plt.show()',
  'written = open("growth.csv", "w").write(open("sales.csv").read())',
].join('\n');

export function chatScenes(face: () => Face): void {
  it('an id of a response, a session or a run leads to it, and no address leads to another site', async () => {
    const { upstream, server } = face();
    upstream.reset();
    upstream.say([{ python: 'print("of an agent")' }], [{ text: 'Done.' }]);
    const asked = await fetch(`${server.url}/v1/responses`, {
      method: 'POST',
      headers: { 'x-api-key': server.key, 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'scripted-model',
        input: 'Run it.',
        tools: [{ type: 'code_interpreter', container: { type: 'auto' } }],
      }),
    });
    const response = (await asked.json()) as { id: string };
    const { page, context, faults } = await face().open('notebooks');
    await page.getByRole('main', { name: 'Notebooks' }).waitFor();
    await page.keyboard.press('Control+k');
    await page.getByLabel('Name or id').fill(response.id);
    await page.keyboard.press('Enter');
    await page.locator('.cell .res').getByText('of an agent').waitFor();
    const session = /notebook\/([\w-]{21})/.exec(page.url())![1]!;
    const ran = await fetch(`${server.url}/v1/sessions/${session}/executions`, {
      method: 'POST',
      headers: { 'x-api-key': server.key, 'content-type': 'application/json' },
      body: JSON.stringify({ language: 'python', code: 'print("the second")' }),
    });
    const { id } = (await ran.json()) as { id: string };
    for (const path of [`find?id=${id}`, `session/${session}?run=${id}`]) {
      await page.goto(`${server.url}/ui/${path}`);
      await page.locator('.cell.sel').getByText('print("the second")').waitFor();
      expect(page.url()).toContain(`/ui/notebook/${session}?run=${id}`);
    }
    await page.goto(`${server.url}/ui/find?id=${'A'.repeat(21)}`);
    await page.getByText('or it is of another key').waitFor();
    await page.goto(`${server.url}/ui/sign-in?next=/ui/settings`);
    await page.getByRole('heading', { name: 'Limits of a run' }).waitFor();
    for (const next of ['//evil.example/ui/files', 'https://evil.example/ui/', 'javascript:alert(1)', 'http://']) {
      await page.goto(`${server.url}/ui/sign-in?next=${encodeURIComponent(next)}`);
      await page.getByRole('main', { name: 'Playground' }).waitFor();
    }
    expect(faults).toEqual([]);
    await context.close();
  });

  it('a file is dropped, code runs with live output, a figure and a file come, and all of it survives a reload', async () => {
    const { upstream, server } = face();
    upstream.reset();
    upstream.say(
      [{ text: 'I will look first.' }, { python: plotted }],
      [{ text: ['The north grew **fastest**. ', 'See [growth.csv](sandbox:/mnt/data/growth.csv).'] }],
    );
    const { page, context, faults, foreign } = await face().open('chat');
    await page
      .getByLabel('Files', { exact: true })
      .setInputFiles({ name: 'sales.csv', mimeType: 'text/csv', buffer: Buffer.from('region,amount\nnorth,1\n') });
    await page.locator('.compose .chip').getByText('sales.csv').waitFor();
    await page.getByLabel('Message').fill('Which region grew fastest?');
    await page.keyboard.press('Enter');
    const run = page.locator('.run').first();
    await run.locator('.out').getByText('row 0').waitFor();
    // Live: it is shown while the code still runs.
    expect(await page.getByRole('button', { name: 'Interrupt' }).count()).toBe(1);
    await run.locator('summary').getByText('Compared growth by region').waitFor();
    const notebook = await page.getByRole('link', { name: 'Open as notebook' }).getAttribute('href');
    const goOn = await nativeClient(server).send('POST', `/sessions/${notebook!.split('/').at(-1)}/commands`, {
      argv: ['touch', '/tmp/shown'],
    });
    expect(goOn.status).toBe(201);
    await page.locator('strong').getByText('fastest').waitFor();
    await page.locator('.fig img').waitFor();
    expect(await run.getAttribute('open')).toBeNull();
    expect(upstream.requests[0]!.body.messages.at(-1).content).toContain('sales.csv');
    await page.reload();
    await page.locator('.fig img').waitFor();
    await page.getByText('Which region grew fastest?').first().waitFor();
    await page.getByRole('link', { name: 'growth.csv' }).first().click();
    await page.getByRole('main', { name: 'File' }).getByText('north').waitFor();
    await page.goBack();
    await page.getByRole('link', { name: 'Open as notebook' }).click();
    await page.locator('.cell').getByText('Compared growth').waitFor();
    expect(faults).toEqual([]);
    expect(foreign).toEqual([]);
    await context.close();
  });

  it('an answer goes on while the page is loaded anew, and Stop ends one', async () => {
    const { upstream } = face();
    upstream.reset();
    const held = Promise.withResolvers<void>();
    upstream.say([{ text: 'first part ' }, { until: held.promise }, { text: 'second part' }]);
    const { page, context } = await face().open('chat');
    await page.getByLabel('Message').fill('Go on without me');
    await page.keyboard.press('Enter');
    await page.getByText('first part').waitFor();
    await page.waitForURL(/chat\/.+/);
    await page.reload();
    await page.getByText('first part').waitFor();
    held.resolve();
    await page.getByText('first part second part').waitFor();
    const endless = Promise.withResolvers<void>();
    upstream.say([{ text: 'never done' }, { until: endless.promise }]);
    await page.getByLabel('Message').fill('Do not end');
    await page.keyboard.press('Enter');
    await page.getByText('never done').waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByText('Stopped.').waitFor();
    endless.resolve();
    await context.close();
  });

  it('an edit makes a branch with a copy of the files, and both branches can be seen', async () => {
    const { upstream } = face();
    upstream.reset();
    upstream.say([{ python: 'open("one.txt", "w").write("1")' }], [{ text: 'answer one' }]);
    const { page, context } = await face().open('chat');
    await page.getByLabel('Message').fill('question one');
    await page.keyboard.press('Enter');
    await page.getByText('answer one').waitFor();
    const first = await page.getByRole('link', { name: 'Open as notebook' }).getAttribute('href');
    upstream.say([{ text: 'answer two' }]);
    await page.getByRole('button', { name: 'Edit, and go on from here' }).click();
    await page.getByLabel('Edited message').fill('question two');
    await page.getByRole('button', { name: 'Send as a branch' }).click();
    await page.getByText('answer two').waitFor();
    await page.getByText('2 of 2').waitFor();
    expect(await page.getByRole('link', { name: 'Open as notebook' }).getAttribute('href')).not.toBe(first);
    await page.getByRole('button', { name: 'Earlier branch' }).click();
    await page.getByText('answer one').waitFor();
    expect(await page.getByText('answer two').count()).toBe(0);
    await context.close();
  });

  it('a provider that fails is told in words, and the answer can be asked for again', async () => {
    const { upstream } = face();
    upstream.reset();
    upstream.say({ status: 400, body: { error: { message: 'the provider is out of tokens' } } });
    const { page, context } = await face().open('chat');
    await page.getByLabel('Message').fill('Hello?');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').first().waitFor();
    upstream.say([{ text: 'here again' }]);
    await page.getByRole('button', { name: 'Answer again' }).click();
    await page.getByText('here again').waitFor();
    await context.close();
  });
}
