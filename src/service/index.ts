export type { Document, Documents, HeldLease, Leases, Owner, UsageAmounts } from '../stores/index.ts';
export { Admission } from './admission/admission.ts';
export { GatewayCount } from './admission/gateway-count.ts';
export type * from './commands/commands.ts';
export { createService, type Service } from './create.ts';
export { type Draft, Drafts } from './drafts/drafts.ts';
export { Shares } from './drafts/shares.ts';
export type { Endings, ToldEnding } from './executions/endings.ts';
export type * from './executions/executions.ts';
export { StoredJobFiles } from './executions/job-files.ts';
export type { JobStorage } from './executions/job-storage.ts';
export { Keeps } from './executions/keeps.ts';
export { FileService } from './files/file-service.ts';
export { FileSweeper } from './files/file-sweeper.ts';
export type * from './files/files.ts';
export { type GrantCause, GrantDesk } from './grants/grant-desk.ts';
export { GrantedJobFiles } from './grants/granted-job-files.ts';
export { ApiKeys } from './keys/keys.ts';
export { serviceSecret } from './keys/service-secret.ts';
export { SignIns } from './keys/sign-ins.ts';
export { Consumption } from './operations/consumption.ts';
export { FaultLog } from './operations/fault-log.ts';
export { KeyAdministration, type KnownKey } from './operations/key-administration.ts';
export type { ObservedExecution, ObservedSession, Operations } from './operations/operations.ts';
export { type Examination, Overview, type Surroundings } from './operations/overview.ts';
export { type ExecutionNote, onlyProcess, PeerSilent, type Peers } from './peers/peers.ts';
export type { PeerQuestion } from './peers/questions.ts';
export { isDocument, notesOn } from './previews/notes.ts';
export { PreviewService } from './previews/preview-service.ts';
export { type PreviewForm, type Previews, previewForms } from './previews/previews.ts';
export { type Summary, summarySchema } from './previews/summary.ts';
export type * from './rounds/rounds.ts';
export { RunnerInfo } from './runner-info.ts';
export type * from './sandbox-files/sandbox-files.ts';
export { SessionTokens } from './sessions/session-tokens.ts';
export type * from './sessions/sessions.ts';
export type * from './states/states.ts';
export {
  sumOfUsage,
  UsageLedger,
  type UsageReport,
} from './usage/usage.ts';
export { Webhooks } from './webhooks/webhooks.ts';
