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
