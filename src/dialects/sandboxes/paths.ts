/** The same directory under two names: the home of this API's users, and the workspace. */
const home = '/home/user';
const workspace = '/mnt/data';

/** A path below the workspace, in the words of this API. */
export const toHome = (relative: string) => (relative === '' ? home : `${home}/${relative}`);

/** A directory of the home, relative to it; undefined for one that is elsewhere. */
export function fromHome(path = home): string | undefined {
  const whole = path.replace(/\/+$/, '').replace(/^~(?=\/|$)/, home);
  for (const root of [home, workspace]) {
    if (whole === root) return '';
    if (whole.startsWith(`${root}/`)) return whole.slice(root.length + 1);
  }
  return whole.startsWith('/') ? undefined : whole;
}

/** A path as a client of this API means it, for the sandbox: absolute, or relative to the workspace. */
export function toSandboxPath(path: string): string {
  const whole = path.replace(/^~(?=\/|$)/, home);
  if (!whole.startsWith('/')) return whole === '' ? workspace : whole;
  return whole === home || whole.startsWith(`${home}/`) ? workspace + whole.slice(home.length) : whole;
}

/** The environment of a command that begins in a directory: a shell then calls the workspace as its caller does. */
export function environmentIn(cwd: string): { readonly HOME: string; readonly PWD: string } {
  const whole = cwd.replace(/^~(?=\/|$)/, home);
  return { HOME: home, PWD: whole.startsWith('/') ? whole : `${home}/${whole}` };
}

/** An absolute path that the sandbox tells, below the name of the workspace that the client asked by. */
export function toOwnPath(path: string, asked: string): string {
  const isByWorkspace = asked === workspace || asked.startsWith(`${workspace}/`);
  if (isByWorkspace || (path !== workspace && !path.startsWith(`${workspace}/`))) return path;
  return home + path.slice(workspace.length);
}
