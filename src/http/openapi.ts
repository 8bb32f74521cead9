import type { FastifyContextConfig, FastifyInstance, onRequestAsyncHookHandler } from 'fastify';
import { z } from 'zod';
import { type Answer, type Content, type Operation, problems } from './operation.ts';
import { makeSharedAnswer, type SharedAnswer, sendShared } from './shared-answer.ts';

interface Mounted {
  readonly method: string;
  readonly url: string;
  readonly config: FastifyContextConfig & { readonly operation: Operation };
}

type Json = Record<string, unknown>;

const address = '/openapi.json';

/** Serves a description of every route that is added after this call and has an operation. */
export function describeRoutes(app: FastifyInstance, version: string, admit: onRequestAsyncHookHandler): void {
  const routes: Mounted[] = [];
  app.addHook('onRoute', ({ method, url: path, config, constraints }) => {
    // A path is described once. The fragment keeps apart what dialects have at one address; clients do not send it.
    const { dialect } = (constraints ?? {}) as { readonly dialect?: string };
    const url = dialect === undefined ? path : `${path}#${dialect}`;
    for (const name of [method].flat()) {
      if (config?.operation && name !== 'HEAD') routes.push({ method: name, url, config: config as Mounted['config'] });
    }
  });
  let document: SharedAnswer;
  app.addHook('onReady', async () => {
    // A dialect says that a route is not described after the hook above has seen it.
    const described = routes.filter(({ config }) => !config.isUndescribed);
    const text = Buffer.from(JSON.stringify(openApiDocument(described, version)));
    document = await makeSharedAnswer('application/json; charset=utf-8', text);
  });
  app.get(address, { onRequest: admit, config: { operation: ownOperation } }, (request, reply) =>
    sendShared(request, reply, document),
  );
}

const ownOperation: Operation = {
  id: 'describe',
  summary: 'This document',
  headers: z.object({ 'if-none-match': z.string().optional() }),
  answers: {
    ...problems(400, 401, 429, 500, 503),
    200: { description: 'OpenAPI 3.1.', content: { type: 'application/json', schema: z.looseObject({}) } },
    304: { description: 'The caller has it.' },
  },
  open: true,
};

function openApiDocument(routes: readonly Mounted[], version: string): Json {
  const schemas: Json = {};
  const paths: Record<string, Json> = {};
  for (const { method, url, config } of routes) {
    // A wildcard matches a whole path, slashes included.
    const path = url.replace(/:(\w+)/g, '{$1}').replace(/\*$/, '{path}');
    paths[path] ??= {};
    paths[path][method.toLowerCase()] = operationObject(config, schemas);
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Dragoman',
      version,
      summary: 'A self-hosted code interpreter',
      description:
        'Every address is served with and without `/v1` in front, and repeated slashes count as one. GET routes answer HEAD as well. ' +
        'Clients that can send no header may put their key into the address: `/k/<key>/v1/…`.',
      license: { name: 'Apache 2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/v1' }, { url: '/' }],
    security: [{ apiKey: [] }, { apiKeyShort: [] }, { bearer: [] }, { basic: [] }],
    paths,
    components: {
      schemas,
      securitySchemes: {
        apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key' },
        apiKeyShort: { type: 'apiKey', in: 'header', name: 'api-key' },
        bearer: { type: 'http', scheme: 'bearer', description: 'An API key, or a token of LibreChat’s.' },
        basic: { type: 'http', scheme: 'basic', description: 'An API key as the password, or as a user name alone.' },
      },
    },
  };
}

function operationObject({ operation, dialect }: Mounted['config'], schemas: Json): Json {
  const { id, summary, description, params, query, headers, body, answers, open } = operation;
  const parameters = [
    ...parametersOf('path', params, schemas),
    ...parametersOf('query', query, schemas),
    ...parametersOf('header', headers, schemas),
  ];
  return {
    operationId: id,
    ...(dialect === undefined ? {} : { tags: [dialect] }),
    summary,
    ...(description === undefined ? {} : { description }),
    ...(open ? { security: [] } : {}),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body ? { requestBody: { required: !body.optional, content: contentObject(body, 'input', schemas) } } : {}),
    responses: Object.fromEntries(
      Object.entries(answers).map(([status, answer]) => [status, answerObject(answer, schemas)]),
    ),
  };
}

function parametersOf(place: 'path' | 'query' | 'header', fields: z.ZodObject | undefined, schemas: Json): Json[] {
  return Object.entries(fields?.shape ?? {}).map(([name, field]) => {
    const { description, ...schema } = schemaOf(field as z.ZodType, 'input', schemas);
    const required = place === 'path' || !(field as z.ZodType).safeParse(undefined).success;
    return { name, in: place, required, ...(description === undefined ? {} : { description }), schema };
  });
}

function answerObject({ description, content, alternative, headers }: Answer, schemas: Json): Json {
  return {
    description,
    ...(headers
      ? {
          headers: Object.fromEntries(
            Object.entries(headers).map(([name, schema]) => [name, { schema: schemaOf(schema, 'output', schemas) }]),
          ),
        }
      : {}),
    ...(content
      ? {
          content: Object.assign(
            contentObject(content, 'output', schemas),
            alternative && contentObject(alternative, 'output', schemas),
          ),
        }
      : {}),
  };
}

function contentObject({ type, schema, example }: Content, io: 'input' | 'output', schemas: Json): Json {
  return { [type]: { schema: schemaOf(schema, io, schemas), ...(example === undefined ? {} : { example }) } };
}

/** Leaves out the bounds that only say that JSON holds an integer exactly. */
function forgetSafeIntegers({ jsonSchema }: { jsonSchema: { minimum?: number; maximum?: number } }): void {
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
}

interface Converted {
  readonly schema: Json;
  /** Components it refers to. */
  readonly components: Json;
}

/** The same few schemas are used at hundreds of places, and converting one is slow. */
const converted = { input: new WeakMap<z.ZodType, Converted>(), output: new WeakMap<z.ZodType, Converted>() };

/** The JSON Schema of a value on the wire. Schemas with an id become components. */
function schemaOf(type: z.ZodType, io: 'input' | 'output', schemas: Json): Json {
  let known = converted[io].get(type);
  if (!known) {
    known = convert(type, io);
    converted[io].set(type, known);
  }
  Object.assign(schemas, known.components);
  return known.schema;
}

function convert(type: z.ZodType, io: 'input' | 'output'): Converted {
  const { properties, $defs } = z.toJSONSchema(z.object({ it: type }), { io, override: forgetSafeIntegers });
  const componentRefs = (value: unknown) =>
    JSON.parse(JSON.stringify(value).replaceAll('"#/$defs/', '"#/components/schemas/'));
  return { schema: componentRefs(properties!.it), components: componentRefs($defs ?? {}) };
}
