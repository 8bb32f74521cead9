import { expect, it } from 'vitest';
import type { Face } from '../pages.ts';

/** Speaks to the API as a program that has a key would. */
function caller(face: Face, key: string) {
  return (method: string, path: string, json?: unknown) =>
    fetch(`${face.server.url}/v1${path}`, {
      method,
      headers: { 'x-api-key': key, ...(json === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    });
}

const forever = { language: 'python', code: 'secret_code = 1\nwhile True: pass' };

export function operatorScenes(face: () => Face): void {
  it('makes a key, sees and ends what it runs, ends its sandbox, revokes it, and the key is refused', async () => {
    const { page, context, faults, foreign } = await face().open('operator');
    const name = `app-${Date.now()}`;
    await page.getByText('Nothing is wrong.').waitFor();
    await page.getByRole('link', { name: 'Keys' }).click();
    await page.getByRole('button', { name: 'Make a key' }).click();
    const box = page.getByRole('dialog');
    await box.getByLabel('Name').fill(name);
    await page.keyboard.press('Enter');
    const secret = (await box.locator('.secret').textContent())!;
    expect(secret).toMatch(/^dgm_/);
    await box.getByRole('button', { name: 'Done' }).click();
    await page.getByRole('row', { name: new RegExp(name) }).waitFor();
    await expect.poll(() => page.content()).not.toContain(secret);

    const use = caller(face(), secret);
    const session = (await (await use('POST', '/sessions', { name: 'secret name' })).json()) as { id: string };
    const running = use('POST', `/sessions/${session.id}/executions`, forever);
    await page.getByRole('link', { name: 'Runs' }).click();
    const run = page.getByRole('row', { name: new RegExp(name) });
    await run.getByText('runs', { exact: true }).waitFor();
    await run.getByRole('button', { name: 'End the run' }).click();
    await page.getByRole('dialog').getByText(`It is of ${name}`).waitFor();
    await page.getByRole('button', { name: 'End it' }).click();
    expect(((await (await running).json()) as { outcome: string }).outcome).toBe('cancelled');
    await run.waitFor({ state: 'detached' });

    await page.getByRole('link', { name: 'Sessions' }).click();
    const row = page.getByRole('row', { name: new RegExp(session.id) });
    await row.getByText('idle').waitFor();
    await row.getByRole('button', { name: 'End sandbox' }).click();
    await page.getByRole('button', { name: 'End it' }).click();
    await row.waitFor({ state: 'detached' });
    const { state } = (await (await use('GET', `/sessions/${session.id}`)).json()) as { state: string };
    expect(state).toBe('dormant');

    await page.getByRole('link', { name: 'Use' }).click();
    await page
      .getByRole('row', { name: new RegExp(name) })
      .first()
      .waitFor();
    await page.locator('.ops-chart svg').first().waitFor();
    expect(await page.content()).not.toContain('secret');

    await page.getByRole('link', { name: 'Keys' }).click();
    await page.getByRole('button', { name: `Revoke ${name}` }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await page.getByText(`The key ${name} is revoked.`).first().waitFor();
    await page.getByRole('row', { name: new RegExp(name) }).waitFor({ state: 'detached' });
    expect((await use('GET', '/sessions')).status).toBe(401);

    await page.getByRole('link', { name: 'Health' }).click();
    await page.getByLabel('Show those').selectOption('refused');
    await page.getByRole('cell', { name: '401' }).first().waitFor();
    await page.getByText('The host has everything that is needed.').waitFor();
    expect([faults, foreign]).toEqual([[], []]);
    await context.close();
  });

  it('is neither linked nor shown to a key without the right, which reads what it needs', async () => {
    const ask = caller(face(), face().server.key);
    const made = (await (await ask('POST', '/admin/keys', { name: `user-${Date.now()}` })).json()) as {
      secret: string;
    };
    const { page, context } = await face().open('operator/keys', { signedIn: false });
    await page.getByLabel('API key').fill(made.secret);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'This page is for operators' }).waitFor();
    await page.getByText(/keys rights user-\d+ admin/).waitFor();
    expect(await page.getByRole('link', { name: 'Operator' }).count()).toBe(0);
    const answer = await page.request.get(`${face().server.url}/v1/admin/keys`);
    expect(answer.status()).toBe(403);
    await context.close();
  });

  it('asks before it ends anything, and does nothing when it is left by a key', async () => {
    const { page, context } = await face().open('operator/keys');
    await page.getByRole('button', { name: 'Revoke default' }).waitFor();
    await page.getByRole('button', { name: 'Revoke default' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Leave it');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    await page.getByRole('button', { name: 'Revoke default' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await page.getByText('This is the last key with the right admin.').first().waitFor();
    expect(
      (await fetch(`${face().server.url}/v1/admin/overview`, { headers: { 'x-api-key': face().server.key } })).status,
    ).toBe(200);
    await context.close();
  });
}
