import { extname } from 'node:path';
import mime from 'mime';

const unknown = 'application/octet-stream';

/**
 * The type to store for a file: what the uploader said if that says anything and is well-formed, else by the name's ending.
 * It is only ever sent back as an attachment's type.
 */
export function contentTypeOf(name: string, declared: string | undefined): string {
  if (declared && declared !== unknown && /^[\w.+-]{1,64}\/[\w.+-]{1,96}(; ?charset=[\w-]{1,32})?$/i.test(declared)) {
    return declared.toLowerCase();
  }
  return mime.getType(extname(name)) ?? unknown;
}
