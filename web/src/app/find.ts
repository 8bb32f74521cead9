import { call } from '../api/http.ts';
import type { Chat } from '../api/types.ts';
import { chats } from './state.ts';

/** Conversations that are looked through for a response. */
const searchedChats = 20;

/** Where the thing with an id is shown: a path below `/ui/`; undefined: nothing of that id is the caller's. */
export async function placeOf(id: string): Promise<string | undefined> {
  if (/^(resp|conv)_/.test(id)) return placeOfAnswer(id);
  const plain = encodeURIComponent(id.replace(/^cntr_/, ''));
  const session = await found<{ id: string }>(`/sessions/${plain}`);
  if (session) return `notebook/${session.id}`;
  const execution = await found<{ id: string; session_id: string }>(`/executions/${plain}`);
  if (execution) return `notebook/${execution.session_id}?run=${execution.id}`;
  const chat = await found<{ id: string }>(`/chats/${plain}`);
  return chat && `chat/${chat.id}`;
}

/** A response or a conversation of the API: the chat that it is of, else the session in which its code ran. */
async function placeOfAnswer(id: string): Promise<string | undefined> {
  const path = id.startsWith('resp_')
    ? `/responses/${encodeURIComponent(id)}`
    : `/conversations/${encodeURIComponent(id)}/items`;
  const answer = await found<object>(path);
  if (!answer) return undefined;
  const session = /"container(?:_id)?":"cntr_([\w-]{21})"/.exec(JSON.stringify(answer))?.[1];
  const chat = chats.value.find(({ session_id: own }) => session !== undefined && own === session);
  if (chat) return `chat/${chat.id}`;
  if (session !== undefined && (await found(`/sessions/${session}`))) return `notebook/${session}`;
  for (const { id: chatId } of chats.value.slice(0, searchedChats)) {
    const whole = await found<Chat>(`/chats/${chatId}`);
    if (whole?.turns.some(({ response_id: of }) => of === id)) return `chat/${chatId}`;
  }
  return undefined;
}

const found = <T>(path: string) => call<T>('GET', path).catch(() => undefined);
