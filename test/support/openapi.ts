import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import type { JsonSchema } from './arbitrary.ts';

export interface Content {
  readonly schema: JsonSchema;
  readonly example?: unknown;
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly schema: JsonSchema;
}

interface OperationObject {
  readonly operationId: string;
  readonly security?: readonly [];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Content>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, Content>> }>>;
}

export interface OpenApiObject {
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}

export interface DescribedOperation {
  readonly method: string;
  readonly path: string;
  /** Where it is served: what comes before the path. */
  readonly prefixes: readonly string[];
  readonly operation: OperationObject;
}

const methods = ['get', 'post', 'put', 'patch', 'delete', 'options'];

/** An OpenAPI document, and what it promises. */
export class OpenApi {
  readonly document: OpenApiObject;
  readonly operations: readonly DescribedOperation[];
  readonly #ajv: Ajv2020;
  /** A check takes far longer to compile than to use. */
  readonly #checks = new Map<string, ValidateFunction>();

  constructor(document: OpenApiObject) {
    this.document = document;
    this.operations = Object.entries(document.paths).flatMap(([path, item]) => {
      const servers = (item.servers ?? document.servers) as OpenApiObject['servers'];
      const prefixes = servers.map(({ url }) => url.replace(/\/$/, ''));
      return methods
        .filter((method) => method in item)
        .map((method) => ({ method, path, prefixes, operation: item[method] as OperationObject }));
    });
    this.#ajv = new Ajv2020({ strict: false, allErrors: true });
    formats.default(this.#ajv);
    this.#ajv.addSchema(document, 'document');
  }

  /** What a `#/components/…` reference names. */
  resolve = (ref: string): JsonSchema => this.document.components.schemas[ref.split('/').at(-1)!]!;

  /** What an answer has that the document does not promise; undefined when it keeps to it. */
  fault({ operation }: DescribedOperation, status: number, contentType: string, body: string): string | undefined {
    const response = operation.responses[status];
    if (!response) return `status ${status} is not promised: ${body.slice(0, 300)}`;
    if (!response.content) return body === '' ? undefined : `a body is not promised for ${status}`;
    const found = Object.entries(response.content).find(
      ([type]) => type === '*/*' || contentType.split(';')[0] === type,
    );
    if (!found) return `type ${contentType} is not promised for ${status}`;
    const [type, { schema }] = found;
    return this.mismatch(schema, type === 'application/json' ? JSON.parse(body) : body);
  }

  /** In which way a value does not match a schema of the document. */
  mismatch(schema: JsonSchema, value: unknown): string | undefined {
    const inDocument = JSON.stringify(schema).replaceAll('"#/components/', '"document#/components/');
    const check = this.#checks.get(inDocument) ?? this.#ajv.compile(JSON.parse(inDocument));
    this.#checks.set(inDocument, check);
    return check(value) ? undefined : `${this.#ajv.errorsText(check.errors)} in ${JSON.stringify(value)}`;
  }
}
