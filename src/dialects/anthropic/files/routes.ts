import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { lastSegment, refOf, type UserFile } from '../../../assistant/index.ts';
import { MultipartForm, requestedRange, sendFile } from '../../../http/index.ts';
import type { UploadFile } from '../../../service/index.ts';
import { invalid } from '../errors.ts';
import { ownId, toOwn, wireId } from '../ids.ts';
import { parse } from '../parse.ts';
import type { AnthropicServices } from '../services.ts';
import { operations } from './operations.ts';
import { fileObject, fileParams, filesQuery, isDownloadable, uploadFields } from './wire.ts';

const usualLimit = 20;

/** `/v1/files` for clients of this API. Other dialects have the same addresses. */
export function fileRoutes(app: FastifyInstance, context: AnthropicServices): void {
  const files = context.assistant.messageFiles;
  const constraints = { dialect: 'anthropic' };
  const listing = { rateClass: 'list' } as const;
  const hidden = { ...listing, isUndescribed: true } as const;

  app.post(
    '/files',
    { constraints, config: { rateClass: 'upload', operation: operations.upload } },
    async (request, reply) => fileObject(await upload(context, request, reply)),
  );

  app.get('/files', { constraints, config: { ...listing, operation: operations.list } }, (request) =>
    list(context, request),
  );

  // Another dialect has an address for ids that begin so.
  for (const url of ['/files/:file_id', '/files/file-:file_id']) {
    const isOwn = url === '/files/:file_id';
    app.get(url, { constraints, config: isOwn ? { ...listing, operation: operations.get } : hidden }, async (request) =>
      fileObject(await find(context, request)),
    );
    app.delete(
      url,
      { constraints, config: isOwn ? { ...listing, operation: operations.delete } : hidden },
      async (request) => {
        const { id } = await find(context, request);
        await files.delete(request.principal, id);
        return { id: wireId('file', id), type: 'file_deleted' };
      },
    );
  }

  app.get(
    '/files/:file_id/content',
    { constraints, config: { rateClass: 'download', operation: operations.content } },
    async (request, reply) => {
      const { principal } = request;
      const found = await find(context, request);
      if (!isDownloadable(found))
        throw invalid('', 'This file was uploaded, and cannot be downloaded here.', {
          error_code: 'file_not_downloadable',
        });
      return sendFile(reply, await context.storedFiles.open(principal, refOf(found), requestedRange(request)));
    },
  );
}

/** The file of an address. @throws Refusal file_not_found */
function find({ assistant }: AnthropicServices, request: FastifyRequest): Promise<UserFile> {
  const { file_id: id } = parse(fileParams, request.params);
  return assistant.messageFiles.find(request.principal, toOwn('file', id), 'id');
}

async function list({ assistant }: AnthropicServices, request: FastifyRequest): Promise<object> {
  const { principal } = request;
  const files = assistant.messageFiles;
  const query = parse(filesQuery, withIds(request.query));
  if (query.ids) {
    if (query.page !== undefined || query.limit !== undefined)
      throw invalid('ids', "It cannot be given with 'limit' or 'page'.");
    const wanted = query.ids.flatMap((id) => ownId('file', id) ?? []);
    const found: UserFile[] = [];
    for (const id of wanted) if (await files.has(principal, id)) found.push(await files.find(principal, id));
    return page(found, false);
  }
  const { limit = usualLimit } = query;
  const cursor = async (name: 'page' | 'after_id' | 'before_id') => {
    const given = query[name];
    if (given === undefined) return undefined;
    const id = ownId('file', given);
    // A list that ends early is not told from a whole one.
    if (id === undefined || !(await files.has(principal, id)))
      throw invalid(name, 'It names no file that is there. Begin again with the first page.');
    return id;
  };
  const before = await cursor('before_id');
  if (before !== undefined) {
    const earlier = await files.list(principal, { limit, order: 'asc', after: before });
    return page(earlier.files.toReversed(), earlier.more);
  }
  const after = (await cursor('page')) ?? (await cursor('after_id'));
  const found = await files.list(principal, { limit, order: 'desc', after });
  return page(found.files, found.more);
}

function page(files: readonly UserFile[], more: boolean): object {
  const data = files.map(fileObject);
  const last_id = data.at(-1)?.id ?? null;
  return { data, next_page: more ? last_id : null, has_more: more, first_id: data[0]?.id ?? null, last_id };
}

/** Clients send lists as `ids[]=a&ids[]=b`. */
function withIds(query: unknown): unknown {
  const { 'ids[]': listed, ids, ...rest } = query as Record<string, unknown>;
  const all = [listed, ids].flat().filter((id) => id !== undefined);
  return all.length === 0 ? rest : { ...rest, ids: all };
}

/** Stores the file of a form. SDKs send fields before the file or after it. */
async function upload(context: AnthropicServices, request: FastifyRequest, reply: FastifyReply): Promise<UserFile> {
  if (!request.isMultipart()) throw invalid('file', 'Field required. Send it as multipart/form-data.');
  const { maxFileBytes, uploadTimeoutMs: timeoutMs } = context;
  const form = new MultipartForm(request, { maxFileBytes, maxFiles: 1, timeoutMs });
  try {
    if (!(await form.begin())) throw invalid('file', 'Field required');
    const described = () => {
      const { expires_in_seconds: life } = parse(uploadFields, Object.fromEntries(form.fields));
      return { purpose: 'upload', ...(life === undefined ? {} : { lifeMs: life * 1000 }) };
    };
    return await context.assistant.messageFiles.create(request.principal, named(form.files(false)), described);
  } finally {
    form.close();
    if (form.expired) reply.header('connection', 'close');
  }
}

async function* named(files: AsyncIterable<UploadFile>): AsyncGenerator<UploadFile> {
  for await (const file of files) yield { ...file, name: lastSegment(file.name) };
}
