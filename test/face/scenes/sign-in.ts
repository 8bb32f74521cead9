import { expect, it } from 'vitest';
import type { Face } from '../pages.ts';

export function signInScenes(face: () => Face): void {
  it('a wrong key is refused in words, the right one signs in, and neither is in an address or readable by scripts', async () => {
    const { page, context, faults } = await face().open('', { signedIn: false });
    const key = page.getByLabel('API key');
    await key.fill('dgm_wrong');
    await page.keyboard.press('Enter');
    await page.getByText('That key is not known here.').waitFor();
    expect(await page.evaluate('document.activeElement.id')).toBe('key');
    await key.fill(face().server.key);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('navigation').waitFor();
    const [cookie] = await context.cookies();
    expect(cookie).toMatchObject({ name: 'dragoman_ui', httpOnly: true, sameSite: 'Strict' });
    expect(cookie!.value).not.toContain(face().server.key);
    expect(
      await page.evaluate('JSON.stringify({ ...localStorage, ...sessionStorage, c: document.cookie })'),
    ).not.toContain('dgm_');
    expect(page.url()).not.toContain('dgm_');
    expect(faults).toEqual([]);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await key.waitFor();
    // The cookie that was is of no more use.
    const answer = await fetch(`${face().server.url}/v1/sessions`, {
      headers: { cookie: `dragoman_ui=${cookie!.value}` },
    });
    expect(answer.status).toBe(401);
    await context.close();
  });

  it('the address that the service prints signs in once, and leaves no code behind', async () => {
    const printed = /#start-([A-Z0-9-]+)/.exec(face().server.output())![1]!;
    const { page, context } = await face().open(`#start-${printed}`, { signedIn: false });
    await page.getByRole('navigation').waitFor();
    expect(page.url()).not.toContain(printed);
    const second = await face().open(`#start-${printed}`, { signedIn: false });
    await second.page.getByText('The code is used up').waitFor();
    await context.close();
    await second.context.close();
  });

  it('a cookie alone does nothing for a page of another origin, or without the header of the pages', async () => {
    const { context } = await face().open();
    const [cookie] = await context.cookies();
    const headers = { cookie: `${cookie!.name}=${cookie!.value}` };
    const post = (more: Record<string, string>) =>
      fetch(`${face().server.url}/v1/sessions`, { method: 'POST', headers: { ...headers, ...more } });
    expect((await post({})).status).toBe(401);
    expect((await post({ 'x-dragoman-ui': '1', origin: 'https://evil.example' })).status).toBe(401);
    expect((await post({ 'x-dragoman-ui': '1', 'sec-fetch-site': 'cross-site' })).status).toBe(401);
    expect((await post({ 'x-dragoman-ui': '1' })).status).toBe(201);
    await context.close();
  });
}
