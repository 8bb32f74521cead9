import type { Principal, StoredFile } from '../../core/index.ts';
import type { Summary } from './summary.ts';

/** `html` and `text`: what can be read of it. `json`: a summary. `png`: a picture of it, or of one page. */
export const previewForms = ['html', 'text', 'json', 'png'] as const;

export type PreviewForm = (typeof previewForms)[number];

/** Why there is no preview. */
export const previewRefusals = {
  too_large: 'This document is too large for a preview, or unpacks to more than one may take.',
  encrypted: 'This document is locked with a password.',
  corrupt: 'This document could not be read: it is damaged, or not what its name says.',
  unsupported: 'There is no preview of this form for this kind of file.',
  took_too_long: 'This document could not be read within the time of a preview.',
  unavailable: 'This image lacks what this form of preview needs',
  off: 'Previews are switched off.',
} as const;

export type PreviewRefusal = keyof typeof previewRefusals;

/** Which preview. What a form does not have is ignored: a picture has no rows, and a table has no width. */
export interface PreviewRequest {
  readonly form: PreviewForm;
  /** From 1. */
  readonly page?: number | undefined;
  /** A sheet of a workbook or a table of a database, from 1. */
  readonly sheet?: number | undefined;
  /** The first row, from 0. */
  readonly offset?: number | undefined;
  /** Of a picture, in pixels. */
  readonly width?: number | undefined;
}

/** A preview that a program in a sandbox made from what a user sent: never trust it. */
export interface Preview {
  readonly form: PreviewForm;
  /** `html` and `text` are UTF-8, `json` is a `Summary`, `png` begins as a PNG of at most 4096 pixels a side does. */
  readonly bytes: Uint8Array;
  /** Changes with the bytes. */
  readonly digest: string;
}

/** The file a preview is of. The caller has checked that the principal may read it. */
export type PreviewedFile = Pick<StoredFile, 'name' | 'digest' | 'size'>;

export interface Previews {
  /**
   * Makes a preview, or finds the one that was made.
   * @throws DragomanError preview_refused with a `PreviewRefusal` as its reason; rate_limited, overloaded, cancelled,
   *   sandbox_unavailable
   */
  make(principal: Principal, file: PreviewedFile, request: PreviewRequest, signal?: AbortSignal): Promise<Preview>;
  /**
   * What a model, or a person, is told of a file. Undefined where there is no preview, or none within `waitMs`: it is made all the same,
   * so that a later call finds it. Never rejects.
   */
  summary(principal: Principal, file: PreviewedFile, waitMs: number): Promise<Summary | undefined>;
}
