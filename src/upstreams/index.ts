export { createUpstreams } from './create.ts';
export type {
  AssistantContent,
  Model,
  Relayed,
  RelayPath,
  TurnEvent,
  TurnRequest,
  UpstreamOptions,
  Upstreams,
  UpstreamsOptions,
} from './upstreams.ts';
