import { compile, type JSONSchema } from 'json-schema-to-typescript';
import { type NativeServices, native } from '../src/dialects/native/index.ts';
import { createAuthenticator, createServer, type ServerOptions } from '../src/http/index.ts';

/** The types of the TypeScript client, made from the OpenAPI document that the service serves. */

export const clientTypesPath = new URL('../client/src/api.ts', import.meta.url);

type Json = Readonly<Record<string, unknown>>;
interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Json>> };
}
interface OperationObject {
  readonly operationId: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: Json }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
}
type Content = Readonly<Record<string, { readonly schema: Json }>>;

const reference = '#/components/schemas/';
/** Operations without a dialect that the client calls. */
const operatorOperations = ['listLanguages'];

/** The text of the file: the components that the native API uses, and what its operations name inline. */
export async function clientTypes(): Promise<string> {
  const { paths, components } = await describedApi();
  const named: Record<string, Json> = {};
  const take = (schema: Json): void => {
    for (const [, name] of JSON.stringify(schema).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      if (name! in named) continue;
      named[name!] = components.schemas[name!]!;
      take(named[name!]!);
    }
  };
  for (const operation of Object.values(paths).flatMap((item) => Object.values(item))) {
    const { operationId, tags, parameters = [], requestBody, responses } = operation;
    if (!tags?.includes('Dragoman') && !operatorOperations.includes(operationId)) continue;
    const query = parameters.filter((parameter) => parameter.in === 'query');
    if (query.length > 0)
      named[`${capital(operationId)}Query`] = {
        type: 'object',
        additionalProperties: false,
        properties: Object.fromEntries(query.map(({ name, schema }) => [name, schema])),
      };
    const contents = [requestBody?.content, responses[200]?.content, responses[201]?.content];
    for (const schema of contents.map((content) => content?.['application/json']?.schema)) {
      if (!schema) continue;
      take(schema);
      if (schema.type === 'object') named[`${capital(operationId)}Answer`] = schema;
    }
  }
  const definitions = JSON.parse(
    JSON.stringify(Object.fromEntries(Object.entries(named).sort(([a], [b]) => (a < b ? -1 : 1)))).replaceAll(
      `"${reference}`,
      '"#/definitions/',
    ),
    simplified,
  );
  const text = await compile({ definitions, type: 'object' } as JSONSchema, 'Everything', {
    additionalProperties: false,
    bannerComment: '',
    ignoreMinAndMaxItems: true,
    unreachableDefinitions: true,
    strictIndexSignatures: false,
    style: { singleQuote: true, printWidth: 120 },
    unknownAny: true,
  });
  return `${banner}\n${withoutRoot(text)}`;
}

const banner = '// Made from the OpenAPI document of the service by `npm run docs`. Do not edit.\n';

/** The compiler also writes an empty type for the schema that holds the definitions, and says where each came from. */
function withoutRoot(text: string): string {
  return text
    .replace(/export interface Everything \{\}\n/, '')
    .replace(/(?:^ \*\n)?^ \* This interface was referenced by [^\n]*\n^ \* via the `definition`[^\n]*\n/gm, '')
    .replace(/^\/\*\*\n \*\/\n/gm, '')
    .trimStart();
}

/** A schema in the words of the compiler. `id` would be taken for an address. */
function simplified(key: string, value: unknown): unknown {
  if (key === 'id' && typeof value === 'string') return undefined;
  if (typeof value !== 'object' || value === null) return value;
  // A description beside a reference would make a second type of the same name.
  if ('$ref' in value) return { $ref: value.$ref };
  const isAnything = Object.keys(value).length === 1 && 'description' in value && typeof value.description === 'string';
  return isAnything ? { ...value, tsType: 'unknown' } : value;
}

const capital = (name: string) => name[0]!.toUpperCase() + name.slice(1);

/** Asks a server that has the native API alone. No service is behind it. */
async function describedApi(): Promise<OpenApiDocument> {
  const nothing = new Proxy({}, { get: () => () => undefined });
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  const plans = new Map();
  const { app } = createServer({
    version: '0',
    maxBodyBytes: 1,
    bodyTimeoutMs: 1,
    uploadTimeoutMs: 1,
    plans,
    logger,
    metrics: nothing as ServerOptions['metrics'],
    runnerInfo: nothing as ServerOptions['runnerInfo'],
    dialects: [native(nothing as NativeServices)],
    authenticator: createAuthenticator({
      mode: 'open',
      keys: [],
      findKey: async () => undefined,
      plans,
      jwt: { issuer: 'i', audience: 'a', algorithms: ['EdDSA'], requireTenant: false, keys: undefined },
      logger,
    }),
  });
  try {
    const { statusCode, payload } = await app.inject('/openapi.json');
    if (statusCode !== 200) throw new Error(payload);
    return JSON.parse(payload);
  } finally {
    await app.close();
  }
}
