import fc from 'fast-check';

/** The part of JSON Schema that our OpenAPI document uses. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly items?: JsonSchema;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
}

const fewItems = 4;

/** Values that a schema allows. `resolve` finds what a reference names. */
export function allowedBy(schema: JsonSchema, resolve: (ref: string) => JsonSchema): fc.Arbitrary<unknown> {
  const of = (inner: JsonSchema) => allowedBy(inner, resolve);
  if (schema.$ref !== undefined) return of(resolve(schema.$ref));
  if ('const' in schema) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return fc.oneof(...choices.map(of));
  if (Array.isArray(schema.type)) return fc.oneof(...schema.type.map((type: string) => of({ ...schema, type })));
  switch (schema.type) {
    case 'string':
      return schema.pattern === undefined
        ? fc.string({ unit: 'grapheme', maxLength: 20 })
        : fc.stringMatching(new RegExp(schema.pattern));
    case 'integer':
      return integers(schema);
    case 'number':
      return fc.double({
        noNaN: true,
        noDefaultInfinity: true,
        ...(schema.minimum === undefined ? {} : { min: schema.minimum }),
        ...(schema.maximum === undefined ? {} : { max: schema.maximum }),
        ...(schema.exclusiveMinimum === undefined ? {} : { min: schema.exclusiveMinimum, minExcluded: true }),
      });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array':
      return fc.array(of(schema.items ?? {}), { maxLength: Math.min(schema.maxItems ?? fewItems, fewItems) });
    case 'object': {
      const { properties = {}, required = [] } = schema;
      const fields = Object.fromEntries(Object.entries(properties).map(([name, inner]) => [name, of(inner)]));
      return fc.record(fields, { requiredKeys: [...required] });
    }
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

function integers({ minimum = -1000, maximum = Math.max(1000, 2 * minimum) }: JsonSchema): fc.Arbitrary<number> {
  return fc.integer({ min: minimum, max: maximum });
}

const anything = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom<unknown>('', '\0', '\ud800', '__proto__', '../..', 1e308, -0, 2 ** 53, [], {}, null),
  fc.constantFrom<unknown>({ __proto__: { a: 1 } }, JSON.parse('{"__proto__":{"a":1},"constructor":{"prototype":{}}}')),
);

/** A value with one thing wrong somewhere: replaced, left out, or added. */
export function broken(value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc
    .tuple(value, fc.nat(), fc.constantFrom('replace', 'remove', 'add'), anything, fc.string())
    .map(([whole, where, how, what, name]) => {
      const copy = structuredClone(whole);
      const places = placesIn(copy);
      if (places.length === 0) return what;
      const [parent, key] = places[where % places.length]!;
      if (how === 'remove') delete parent[key];
      else if (how === 'add' && Array.isArray(parent)) parent.push(what);
      else if (how === 'add')
        Object.defineProperty(parent, name, { value: what, enumerable: true, configurable: true });
      else parent[key] = what;
      return copy;
    });
}

type Container = Record<string, unknown>;

function placesIn(value: unknown): [Container, string][] {
  if (typeof value !== 'object' || value === null) return [];
  const parent = value as Container;
  return Object.keys(parent).flatMap((key) => [[parent, key] as [Container, string], ...placesIn(parent[key])]);
}
