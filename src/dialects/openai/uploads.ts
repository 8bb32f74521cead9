import type { FastifyReply, FastifyRequest } from 'fastify';
import { lastSegment } from '../../assistant/index.ts';
import { MultipartForm } from '../../http/index.ts';
import type { UploadFile } from '../../service/index.ts';
import { invalid } from './errors.ts';
import type { OpenAIServices } from './services.ts';

/**
 * Runs `use` on a form of one file. SDKs send fields before the file or after it: the fields are complete when the files are
 * consumed.
 * @param without runs instead when the form has no file
 * @throws WireError when the form has no file and `without` is absent
 */
export async function withForm<T>(
  context: OpenAIServices,
  request: FastifyRequest,
  reply: FastifyReply,
  use: (form: { fields: ReadonlyMap<string, string>; files: AsyncIterable<UploadFile> }) => Promise<T>,
  without?: (fields: ReadonlyMap<string, string>) => Promise<T>,
): Promise<T> {
  const { maxFileBytes, uploadTimeoutMs: timeoutMs } = context;
  const form = new MultipartForm(request, { maxFileBytes, maxFiles: 1, timeoutMs });
  try {
    const isThere = await form.begin();
    if (!isThere && without) return await without(form.fields);
    if (!isThere) throw invalid("Missing required parameter: 'file'.", 'file', 'missing_required_parameter');
    return await use({ fields: form.fields, files: named(form.files(false)) });
  } finally {
    form.close();
    if (form.expired) reply.header('connection', 'close');
  }
}

async function* named(files: AsyncIterable<UploadFile>): AsyncGenerator<UploadFile> {
  for await (const file of files) yield { ...file, name: lastSegment(file.name) };
}
