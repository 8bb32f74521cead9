import { pathPart } from '../api/http.ts';

type PreviewForm = 'html' | 'json' | 'png';

/** Where a preview of a file is, below `/v1`. */
export function previewPath(
  sessionId: string,
  path: string,
  form: PreviewForm,
  more: Readonly<Record<string, number>> = {},
): string {
  const query = new URLSearchParams({ preview: form });
  for (const [name, value] of Object.entries(more)) query.set(name, String(value));
  return `/sessions/${sessionId}/files/${pathPart(path)}?${query}`;
}

const endingOf = (path: string) => path.slice(path.lastIndexOf('.') + 1).toLowerCase();
const listed = (endings: string) => new Set(endings.split(' '));

const tables = listed('xlsx xlsm xls xlsb ods parquet feather arrow sqlite sqlite3 db npy npz h5 hdf5');
const pages = listed('pdf pptx ppt odp');
const documents = listed('docx docm doc odt rtf epub');
const pictures = listed('tif tiff heic heif bmp avif psd ico');
const others = listed(
  'zip jar whl tar tgz gz 7z eml mp3 wav flac ogg opus m4a aac mp4 m4v mov avi mkv webm mpg jsonl ndjson',
);

/** How the service shows a file; undefined: the browser reads it by itself. */
export function servedKind(path: string): 'table' | 'pages' | 'document' | 'picture' | 'other' | undefined {
  const ending = endingOf(path);
  if (tables.has(ending)) return 'table';
  if (pages.has(ending)) return 'pages';
  if (documents.has(ending)) return 'document';
  if (pictures.has(ending)) return 'picture';
  return others.has(ending) ? 'other' : undefined;
}

const small = listed('png jpg jpeg gif webp svg csv tsv ipynb md json py html');

/** Whether a list shows a small picture of the file. */
export const hasThumbnail = (path: string) =>
  small.has(endingOf(path)) || ['table', 'pages', 'document', 'picture'].includes(servedKind(path) ?? '');
