import { parentPort } from 'node:worker_threads';
import { type Schema, Validator } from '@cfworker/json-schema';

/** A job of this thread, which can be ended at any moment: a schema may take for ever to check. */
export interface SchemaJob {
  readonly schema: Readonly<Record<string, unknown>>;
  readonly value: unknown;
}

/** What is wrong with the value, or null. */
export type SchemaVerdict = string | null;

const maxFaults = 5;
const maxLength = 2000;

parentPort!.on('message', (job: SchemaJob) => parentPort!.postMessage(verdict(job)));
parentPort!.postMessage('ready');

function verdict({ schema, value }: SchemaJob): SchemaVerdict {
  try {
    const { valid, errors } = new Validator(schema as Schema, draft(schema), false).validate(value);
    if (valid) return null;
    // Only the innermost faults say what is wrong.
    const leaves = errors.filter(
      ({ keyword }) => keyword !== 'properties' && keyword !== 'items' && keyword !== '$ref',
    );
    const faults = (leaves.length > 0 ? leaves : errors).slice(0, maxFaults);
    const text = faults.map(({ instanceLocation, error }) => `${instanceLocation.slice(2) || 'input'}: ${error}`);
    return text.join(' ').slice(0, maxLength);
  } catch {
    // A meaningless schema allows everything: its author has to mend it, and the tool checks its input itself.
    return null;
  }
}

function draft({ $schema }: SchemaJob['schema']): '4' | '7' | '2019-09' | '2020-12' {
  const named = typeof $schema === 'string' ? /draft-0?([47])|(2019-09|2020-12)/.exec($schema) : null;
  return (named?.[1] ?? named?.[2] ?? '2020-12') as '4' | '7' | '2019-09' | '2020-12';
}
