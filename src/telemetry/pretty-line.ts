/** Turns one JSON log line into one for people: time, level, message, fields; an error's stack follows on its own lines. */
export function prettyLine(line: string): string {
  const { time, level, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const stacks: string[] = [];
  const shown = Object.entries(fields).map(([name, value]) => {
    if (!isError(value)) return `${name}=${plain(value)}`;
    for (let error: unknown = value; isError(error); error = error.cause) stacks.push(error.stack);
    return `${name}=${plain(value.message)}`;
  });
  const head = [String(time).slice(11, 23), String(level).toUpperCase().padEnd(5), plain(msg, true), ...shown].join(
    ' ',
  );
  return `${[head, ...stacks.map((stack) => stack.replace(/^/gm, '    '))].join('\n')}\n`;
}

function isError(value: unknown): value is { message: unknown; stack: string; cause?: unknown } {
  return typeof value === 'object' && value !== null && 'stack' in value && typeof value.stack === 'string';
}

/** Quotes whatever could be taken for something else, line breaks and terminal escapes above all. */
function plain(value: unknown, spaces = false): string {
  if (typeof value !== 'string') return JSON.stringify(value) ?? 'undefined';
  return (spaces ? /^[ -~]+$/ : /^[!#-<>-~]+$/).test(value) ? value : JSON.stringify(value);
}
