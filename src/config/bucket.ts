/** A bucket, and where its server is. */
export interface Bucket {
  readonly bucket: string;
  /** Comes before every object's name; empty, or ends in `/`. */
  readonly prefix: string;
  readonly region: string;
  /** The server's URL; absent: Amazon's of the region. */
  readonly endpoint: string | undefined;
  /** The bucket stands in the path of a request instead of its host name. */
  readonly pathStyle: boolean;
}

/** A server of bytes: a process with the role `files`. */
export interface FilesServer {
  /** Without a path. */
  readonly url: string;
}

/** Reads the place of files: a bucket as `parseBucket` does, or the address of a files role. @throws Error that says what is wrong with it */
export function parseFilesPlace(text: string): Bucket | FilesServer {
  const url = URL.parse(text);
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') return parseBucket(text);
  if (url.username || url.password) throw new Error('must not hold credentials: DRAGOMAN_FILES_SECRET has them');
  if (url.pathname !== '/' || url.search || url.hash) throw new Error('must be http://host:port without a path');
  return { url: url.origin };
}

/**
 * Reads `s3://bucket/prefix?region=…&endpoint=…&path-style=true|false`. Without a region it is `us-east-1`; with an endpoint the bucket
 * stands in the path unless `path-style=false`.
 * @throws Error that says what is wrong with it
 */
export function parseBucket(text: string): Bucket {
  const url = URL.parse(text);
  if (url?.protocol !== 's3:' || url.hostname === '')
    throw new Error('must look like s3://bucket/prefix or http://host:port');
  if (url.username || url.password)
    throw new Error('must not hold credentials: they come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY');
  const known = ['region', 'endpoint', 'path-style'];
  const unknown = [...url.searchParams.keys()].find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`must not have "${unknown}": it may have ${known.join(', ')}`);
  const endpoint = url.searchParams.get('endpoint') ?? undefined;
  if (endpoint !== undefined && !/^https?:$/.test(URL.parse(endpoint)?.protocol ?? ''))
    throw new Error('must have a URL with http or https as its endpoint');
  const style = url.searchParams.get('path-style') ?? String(endpoint !== undefined);
  if (style !== 'true' && style !== 'false') throw new Error('must have true or false as path-style');
  const prefix = url.pathname.replaceAll(/^\/+|\/+$/g, '');
  return {
    bucket: url.hostname,
    prefix: prefix && `${prefix}/`,
    region: url.searchParams.get('region') ?? 'us-east-1',
    endpoint,
    pathStyle: style === 'true',
  };
}
