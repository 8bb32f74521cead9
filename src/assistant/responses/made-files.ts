import { createHash } from 'node:crypto';
import { DragomanError, newId, type Principal } from '../../core/index.ts';
import type { Execution, Sessions } from '../../service/index.ts';
import type { Citation } from '../items.ts';
import { type Citable, citationOf, hasLinks, isForPeople, linkedFiles } from './citations.ts';
import type { ShownImage } from './code-outputs.ts';

/** The files that the code of a response makes, until a message cites them. */
export class MadeFiles {
  readonly #sessions: Pick<Sessions, 'files' | 'putFile'>;
  readonly #principal: Principal;
  /** By path. */
  readonly #uncited: Map<string, Citable>;

  /** @param uncited of earlier responses, which ended before a message could cite them */
  constructor(sessions: Pick<Sessions, 'files' | 'putFile'>, principal: Principal, uncited: readonly Citable[]) {
    this.#sessions = sessions;
    this.#principal = principal;
    this.#uncited = new Map(uncited.map((file) => [file.name, file]));
  }

  get uncited(): Citable[] {
    return [...this.#uncited.values()].map(({ id, sessionId, name }) => ({ id, sessionId, name }));
  }

  /** Takes in what code wrote and showed. An image that was saved under a name is not stored a second time. */
  async add(sessionId: string, { files, deleted }: Execution, images: readonly ShownImage[]): Promise<void> {
    for (const path of deleted) this.#uncited.delete(path);
    const written = files.flatMap((entry) => (entry.change === 'inherited' ? [] : [entry.file]));
    for (const file of written) if (isForPeople(file.name)) this.#uncited.set(file.name, file);
    const savedImages = written.filter(
      ({ name, contentType }) => isForPeople(name) && contentType.startsWith('image/'),
    );
    // Figures are saved and shown with different settings, so their bytes differ: as many images as were shown are the same ones.
    if (images.length > 0 && savedImages.length >= images.length) return;
    const saved = new Set(written.map(({ digest }) => digest));
    for (const image of images) {
      const digest = createHash('sha256').update(image.bytes).digest('hex');
      if (!saved.has(digest)) await this.#store(sessionId, image);
      saved.add(digest);
    }
  }

  /**
   * What a message cites: the files its text links, and in the last message also the files that were made and never linked. A
   * client that misses a file is worse off than one that gets one too many.
   * @param sessionId where the files are; undefined when no code has run
   */
  async citations(text: string | undefined, sessionId: string | undefined, isLast: boolean): Promise<Citation[]> {
    if (text === undefined) return [];
    const linked: Citation[] = [];
    if (sessionId !== undefined && hasLinks(text)) {
      const files = await this.#sessions.files(this.#principal, sessionId).catch(() => this.uncited);
      for (const { file, citation } of linkedFiles<Citable>(text, files)) {
        linked.push(citation);
        this.#uncited.delete(file.name);
      }
    }
    if (!isLast) return linked;
    const rest = this.uncited.map((file) => citationOf(file));
    this.#uncited.clear();
    return [...linked, ...rest];
  }

  /** An image that cannot be stored is still among the outputs. */
  async #store(sessionId: string, { mime, bytes }: ShownImage): Promise<void> {
    const ending = mime === 'image/svg+xml' ? 'svg' : mime.slice('image/'.length);
    const content = (async function* () {
      yield bytes;
    })();
    const file = { name: `cfile_${newId()}.${ending}`, contentType: mime, content, source: 'program' as const };
    try {
      const stored = await this.#sessions.putFile(this.#principal, sessionId, file);
      this.#uncited.set(stored.name, stored);
    } catch (error) {
      if (!(error instanceof DragomanError)) throw error;
    }
  }
}
