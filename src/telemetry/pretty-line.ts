/** Turns a JSON log line into a readable one: time, level, message, fields. The stack of an error follows on lines of its own. */
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

/** Quotes values that could be misread, such as line breaks and terminal escapes. */
function plain(value: unknown, spaces = false): string {
  if (typeof value !== 'string') return JSON.stringify(value) ?? 'undefined';
  return (spaces ? /^[ -~]+$/ : /^[!#-<>-~]+$/).test(value) ? value : JSON.stringify(value);
}
