import { createHash } from 'node:crypto';
import { DragomanError, newId, type Principal, type StoredFile } from '../../core/index.ts';
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

  readonly #imageNames: 'unique' | 'numbered';

  /**
   * @param uncited of earlier responses, which ended before a message could cite them
   * @param imageNames of images that were shown and not saved: `numbered` is `figure_1.png` and so on
   */
  constructor(
    sessions: Pick<Sessions, 'files' | 'putFile'>,
    principal: Principal,
    uncited: readonly Citable[],
    imageNames: 'unique' | 'numbered' = 'unique',
  ) {
    this.#sessions = sessions;
    this.#principal = principal;
    this.#imageNames = imageNames;
    this.#uncited = new Map(uncited.map((file) => [file.name, file]));
  }

  get uncited(): Citable[] {
    return [...this.#uncited.values()].map(({ id, sessionId, name }) => ({ id, sessionId, name }));
  }

  /**
   * Takes in what code wrote and showed. An image that was saved under a name is not stored a second time.
   * @returns the files for people
   */
  async add(sessionId: string, { files, deleted }: Execution, images: readonly ShownImage[]): Promise<StoredFile[]> {
    for (const path of deleted) this.#uncited.delete(path);
    const written = files.flatMap((entry) => (entry.change === 'inherited' ? [] : [entry.file]));
    const forPeople = written.filter(({ name }) => isForPeople(name));
    for (const file of forPeople) this.#uncited.set(file.name, file);
    const savedImages = forPeople.filter(({ contentType }) => contentType.startsWith('image/'));
    // Figures are saved and shown with different settings, so their bytes differ: as many images as were shown are the same ones.
    if (images.length > 0 && savedImages.length >= images.length) return forPeople;
    const saved = new Set(written.map(({ digest }) => digest));
    for (const image of images) {
      const digest = createHash('sha256').update(image.bytes).digest('hex');
      const stored = saved.has(digest) ? undefined : await this.#store(sessionId, image);
      if (stored) forPeople.push(stored);
      saved.add(digest);
    }
    return forPeople;
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
  async #store(sessionId: string, { mime, bytes }: ShownImage): Promise<StoredFile | undefined> {
    const ending = mime === 'image/svg+xml' ? 'svg' : mime.slice('image/'.length);
    const content = (async function* () {
      yield bytes;
    })();
    try {
      const name = this.#imageNames === 'unique' ? `cfile_${newId()}.${ending}` : await this.#number(sessionId, ending);
      const file = { name, contentType: mime, content, source: 'program' as const };
      const stored = await this.#sessions.putFile(this.#principal, sessionId, file);
      this.#uncited.set(stored.name, stored);
      return stored;
    } catch (error) {
      if (!(error instanceof DragomanError)) throw error;
      return undefined;
    }
  }

  async #number(sessionId: string, ending: string): Promise<string> {
    const taken = new Set((await this.#sessions.files(this.#principal, sessionId)).map(({ name }) => name));
    let number = 1;
    while (taken.has(`figure_${number}.${ending}`)) number++;
    return `figure_${number}.${ending}`;
  }
}
