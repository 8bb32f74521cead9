import { signal } from '@preact/signals';
import { call } from '../api/http.ts';
import type { ChatSummary, Page, Session, Who } from '../api/types.ts';

/** Who uses the pages; undefined until it is known. */
export const who = signal<Who | undefined>(undefined);
/** Names of the models; undefined until they are known; empty: no provider is connected. */
export const models = signal<readonly string[] | undefined>(undefined);
export const chats = signal<readonly ChatSummary[]>([]);
export const sessions = signal<readonly Session[]>([]);
/** One sentence for screen readers, spoken politely. */
export const spoken = signal('');

export async function loadWho(): Promise<void> {
  who.value = await call<Who>('GET', '/auth/session');
}

export async function loadModels(): Promise<void> {
  try {
    models.value = (await call<Page<{ id: string }>>('GET', '/models')).data.map(({ id }) => id);
  } catch {
    models.value = [];
  }
}

export async function loadLists(): Promise<void> {
  const [chatPage, sessionPage] = await Promise.all([
    call<Page<ChatSummary>>('GET', '/chats?limit=50'),
    call<Page<Session>>('GET', '/sessions?limit=50'),
  ]);
  chats.value = chatPage.data;
  sessions.value = sessionPage.data.filter(({ state }) => state !== 'expired');
}

export function languageTitle(name: string): string {
  return who.value?.languages.find((language) => language.name === name)?.title ?? name;
}

export function announce(sentence: string): void {
  spoken.value = sentence;
}
