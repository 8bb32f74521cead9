const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** How long ago, in one or two units. */
export function age(iso: string, now = Date.now()): string {
  const ms = Math.max(0, now - Date.parse(iso));
  if (ms < minute) return `${Math.floor(ms / 1000)} s`;
  if (ms < hour) return `${Math.floor(ms / minute)} min`;
  if (ms < day) return `${Math.floor(ms / hour)} h ${Math.floor((ms % hour) / minute)} min`;
  return `${Math.floor(ms / day)} d ${Math.floor((ms % day) / hour)} h`;
}

/** Processor time: seconds, minutes, hours. */
export function cpuTime(ms: number): string {
  if (ms < minute) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < hour) return `${(ms / minute).toFixed(1)} min`;
  return `${(ms / hour).toFixed(1)} h`;
}
