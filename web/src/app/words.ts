/** Numbers and times in words. */

const thin = ' ';

export const count = (value: number) => String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, thin);

export const plural = (value: number, one: string, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;

export function bytes(value: number): string {
  if (value < 1000) return `${value} B`;
  const units = ['KB', 'MB', 'GB', 'TB'];
  let at = -1;
  let size = value;
  do {
    size /= 1000;
    at++;
  } while (size >= 999.5 && at < units.length - 1);
  return `${size < 10 ? size.toFixed(1) : Math.round(size)} ${units[at]}`;
}

export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(2)} s`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

/** A day and a time near now in few words. */
export function when(iso: string): string {
  const date = new Date(iso);
  const time = date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  const days = Math.round((date.setHours(0, 0, 0, 0) - new Date().setHours(0, 0, 0, 0)) / 86_400_000);
  if (days === 0) return time;
  if (days === -1) return 'yesterday';
  if (Math.abs(days) < 7) return `${new Date(iso).toLocaleDateString([], { weekday: 'short' })} ${time}`;
  return new Date(iso).toLocaleDateString();
}
