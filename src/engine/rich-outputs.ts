import { type ExecutionEvent, jsonLength, type MimeBundle, type ProgramError, type RichOutput } from '../core/index.ts';

/** How many outputs of one cell are kept, and their size as JSON. */
const maxOutputs = 200;
const maxBytes = 32 * 1024 * 1024;
const maxForms = 16;
const maxTypeLength = 100;
const maxDisplayName = 200;
const maxNameLength = 200;
const maxMetadataBytes = 65_536;
const maxExpressionBytes = 1024 * 1024;
const maxValueLength = 16_384;
const maxTraceLines = 300;
const maxTraceLength = 65_536;

/** The displays of a cell. The kernel's events are hostile input: only known forms are taken, within bounds. */
export class RichOutputs {
  readonly outputs: RichOutput[] = [];
  error: ProgramError | null = null;
  /** Something was left out. */
  truncated = false;
  /** The size of each output, and the name by which a later one may replace it. */
  #facts: { readonly bytes: number; readonly name: string | undefined }[] = [];
  #clearsNext = false;

  /** Takes an event of a kernel and how much had been printed before it. Returns the event for listeners, if it is a display. */
  push(event: Readonly<Record<string, unknown>>, after?: RichOutput['after']): ExecutionEvent | undefined {
    const { event: type } = event;
    if (type === 'error') {
      const error = errorOf(event.error);
      if (!error) return undefined;
      this.error = error;
      return { type, error };
    }
    if (type === 'clear') {
      this.#clearsNext = event.wait === true;
      if (!this.#clearsNext) this.#clear();
      return { type, waits: event.wait === true };
    }
    if (type === 'expressions') {
      const values = objectOf(event.values, maxExpressionBytes);
      return values && { type, values };
    }
    if (type !== 'display' && type !== 'result') return undefined;
    const bundle = bundleOf(event.bundle);
    if (!bundle) return undefined;
    if (this.#clearsNext) this.#clear();
    const name = typeof event.name === 'string' && event.name.length <= maxDisplayName ? event.name : undefined;
    const fact = { bytes: sizeOf(bundle), name };
    const replaced = event.update === true && name !== undefined ? this.#named(name) : [];
    const kept = this.#facts.reduce(
      (sum, { bytes }, index) => sum + (replaced.includes(index) ? fact.bytes : bytes),
      0,
    );
    const added = replaced.length === 0 ? 1 : 0;
    if (this.outputs.length + added > maxOutputs || kept + added * fact.bytes > maxBytes) {
      this.truncated = true;
      return undefined;
    }
    for (const index of replaced) {
      this.outputs[index] = { ...this.outputs[index]!, bundle };
      this.#facts[index] = fact;
    }
    if (added) {
      this.outputs.push({ kind: type, bundle, ...(after && { after }) });
      this.#facts.push(fact);
    }
    const isUpdate = event.update === true && name !== undefined ? true : undefined;
    const metadata = objectOf(event.metadata, maxMetadataBytes);
    return { type, bundle, ...(name === undefined ? {} : { name, isUpdate }), ...(metadata && { metadata }) };
  }

  #named(name: string): number[] {
    return this.#facts.flatMap((fact, index) => (fact.name === name ? [index] : []));
  }

  #clear(): void {
    this.outputs.length = 0;
    this.#facts = [];
    this.#clearsNext = false;
  }
}

const base64 = /^[A-Za-z0-9+/\s]*={0,2}\s*$/;

function bundleOf(value: unknown): MimeBundle | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const forms = Object.entries(value)
    .slice(0, maxForms)
    .filter(([type, form]) => isForm(type, form));
  return forms.length > 0 ? Object.fromEntries(forms) : undefined;
}

function isForm(type: string, form: unknown): boolean {
  if (type.length > maxTypeLength) return false;
  if (/^(?:text\/[a-z0-9.+-]+|image\/svg\+xml)$/.test(type)) return typeof form === 'string';
  if (/^(?:image\/[a-z0-9.+-]+|application\/pdf)$/.test(type)) return typeof form === 'string' && base64.test(form);
  return /^application\/(?:[a-z0-9.-]+\+)?json$/.test(type);
}

/** A JSON object that is not too large; undefined: it is none, or empty. */
function objectOf(value: unknown, maxLength: number): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  if (Object.keys(value).length === 0 || jsonLength(value) > maxLength) return undefined;
  return value as Readonly<Record<string, unknown>>;
}

/** An estimate that is cheap for large values. */
function sizeOf(bundle: MimeBundle): number {
  return Object.values(bundle).reduce<number>(
    (sum, form) => sum + (typeof form === 'string' ? form.length : jsonLength(form)),
    0,
  );
}

function errorOf(value: unknown): ProgramError | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { name, value: text, traceback } = value as Record<string, unknown>;
  if (typeof name !== 'string' || typeof text !== 'string' || !Array.isArray(traceback)) return undefined;
  const lines: string[] = [];
  let length = 0;
  for (const line of traceback.slice(0, maxTraceLines)) {
    if (typeof line !== 'string' || length + line.length > maxTraceLength) break;
    lines.push(line);
    length += line.length;
  }
  return { name: name.slice(0, maxNameLength), value: text.slice(0, maxValueLength), traceback: lines };
}
