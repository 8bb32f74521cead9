/** Values of one level that are shown. */
const most = 200;

/** A JSON value as a tree that opens level by level. */
export function JsonTree({ value }: { value: unknown }) {
  return (
    <div class="tree">
      <Node value={value} isOpen={true} />
    </div>
  );
}

function Node({ name, value, isOpen = false }: { name?: string; value: unknown; isOpen?: boolean }) {
  const label = name === undefined ? null : <span class="f">{name}: </span>;
  if (typeof value !== 'object' || value === null)
    return (
      <div>
        {label}
        <span class={typeof value === 'string' ? 's' : 'n'}>{JSON.stringify(value)}</span>
      </div>
    );
  const entries = Object.entries(value);
  const what = Array.isArray(value) ? `[${entries.length}]` : `{${entries.length}}`;
  return (
    <details open={isOpen}>
      <summary>
        {label}
        <span class="muted">{what}</span>
      </summary>
      {entries.slice(0, most).map(([key, item]) => (
        <Node key={key} name={key} value={item} />
      ))}
      {entries.length > most && <div class="muted">… {entries.length - most} more</div>}
    </details>
  );
}
