import type { Agent } from '../agent/index.ts';
import type { Logger, Principal } from '../core/index.ts';
import type { EventLog } from '../event-log/index.ts';
import type { Documents, Files, Leases, Previews, Sessions } from '../service/index.ts';
import { Assistants } from './assistants.ts';
import { BackgroundResponses, type BackgroundTimes, type EndNotices } from './background/background-responses.ts';
import { Conversations } from './conversations/conversations.ts';
import { Attachments } from './files/attachments.ts';
import { UserFiles } from './files/user-files.ts';
import { OwnedDocuments } from './owned-documents.ts';
import type { ResponseEvent } from './responses/response.ts';
import { ResponseRecords } from './responses/response-records.ts';
import { Responses } from './responses/responses.ts';
import { Steps } from './steps.ts';
import { Workplace, type WorkplaceRequest } from './workplace.ts';

export interface AssistantOptions {
  readonly agent: Pick<Agent, 'run'>;
  readonly sessions: Sessions;
  readonly storedFiles: Pick<Files, 'upload' | 'delete' | 'find' | 'open'>;
  /** Absent: models are told the names of files alone. */
  readonly previews?: Pick<Previews, 'summary'> | undefined;
  readonly documents: Documents;
  /** Of responses; one log must hold `responseLogBytes`. */
  readonly log: EventLog<ResponseEvent>;
  /** Of the processes that share the records; absent: this one has them for itself. */
  readonly leases?: Leases | undefined;
  readonly notices?: EndNotices | undefined;
  readonly times?: Partial<BackgroundTimes> | undefined;
  readonly logger: Logger;
  /** How long what is stored stays without use, in milliseconds. */
  readonly retentionMs: number;
  /** Milliseconds since the epoch. */
  now(): number;
}

/** Everything of conversations that outlives a request. Dialects translate onto it and keep no state of their own. */
export interface AssistantRoom {
  readonly responses: Responses;
  readonly conversations: Conversations;
  readonly assistants: Assistants;
  readonly files: UserFiles;
  readonly attachments: Attachments;
  /** Files of clients for which uploads and what code made are of one kind. */
  readonly messageFiles: UserFiles;
  readonly messageAttachments: Attachments;
  readonly steps: Steps;
  /** Where the code of one request runs. @throws Refusal session_not_found; DragomanError session_expired */
  workplace(principal: Principal, request: WorkplaceRequest): Promise<Workplace>;
  /** Goes on with responses that were under way in the background when their process ended. */
  start(): void;
  /** Ends the responses that are under way and stores what they have come to; those in the background go on later. */
  close(): Promise<void>;
}

export function createAssistant(options: AssistantOptions): AssistantRoom {
  const { sessions, storedFiles, previews } = options;
  const documents = new OwnedDocuments(options);
  const records = new ResponseRecords(documents);
  const files = new UserFiles(documents, storedFiles, 'openai_file');
  const messageFiles = new UserFiles(documents, storedFiles, 'message_file');
  const attachments = new Attachments(files, storedFiles, previews);
  const conversations = new Conversations(documents, records);
  const background = new BackgroundResponses({ ...options, owned: documents, records });
  const responses = new Responses({ ...options, attachments, records, conversations, background });
  return {
    responses,
    conversations,
    assistants: new Assistants(documents, files),
    files,
    attachments,
    messageFiles,
    messageAttachments: new Attachments(messageFiles, storedFiles, previews),
    steps: new Steps(documents),
    workplace: (principal, request) => Workplace.choose(sessions, attachments, principal, request),
    start: () => responses.start(),
    close: () => responses.close(),
  };
}
