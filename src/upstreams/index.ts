export { createUpstreams } from './create.ts';
export type {
  AssistantContent,
  ListedModel,
  Model,
  Relayed,
  RelayPath,
  TurnEvent,
  TurnRequest,
  TurnUsage,
  UpstreamOptions,
  Upstreams,
  UpstreamsOptions,
} from './upstreams.ts';
