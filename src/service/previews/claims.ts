import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import { type PreviewForm, type PreviewRefusal, previewRefusals } from './previews.ts';
import { summarySchema } from './summary.ts';

/** Pixels a side of a picture that is handed on. */
const maxSide = 4096;
const maxSummaryBytes = 64 * 1024;
const pngStart = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');

const refusal = z.strictObject({
  reason: z.enum(Object.keys(previewRefusals) as [PreviewRefusal, ...PreviewRefusal[]]),
  needs: z
    .string()
    .regex(/^[\w .+-]{1,40}$/)
    .nullable(),
});

/** Why the program in the sandbox says that there is no preview; undefined: it says nothing that can be understood. */
export function readRefusal(bytes: Buffer): { reason: PreviewRefusal; needs: string | null } | undefined {
  return bytes.length > 1000 ? undefined : refusal.safeParse(jsonOf(bytes)).data;
}

/** A preview as it may be handed on; undefined: it is not what it should be. */
export function readPreview(form: PreviewForm, bytes: Buffer): Buffer | undefined {
  if (form === 'png') return isSmallPng(bytes) ? bytes : undefined;
  if (form !== 'json') return isUtf8(bytes) ? bytes : undefined;
  if (bytes.length > maxSummaryBytes || !isUtf8(bytes)) return undefined;
  const summary = summarySchema.safeParse(jsonOf(bytes)).data;
  return summary && Buffer.from(JSON.stringify(summary));
}

/** What a browser decodes is bounded by the first chunk of the picture, which says its size. */
function isSmallPng(bytes: Buffer): boolean {
  if (bytes.length < 33 || !bytes.subarray(0, 8).equals(pngStart) || bytes.toString('latin1', 12, 16) !== 'IHDR')
    return false;
  const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
  return width > 0 && height > 0 && width <= maxSide && height <= maxSide;
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
