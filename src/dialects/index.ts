import type { Dialect } from '../http/index.ts';
import { type AdminServices, admin } from './admin/index.ts';
import { type AnthropicServices, anthropic } from './anthropic/index.ts';
import { type E2BServices, e2b, e2bSandbox } from './e2b/index.ts';
import { type JupyterServices, jupyter } from './jupyter/index.ts';
import { type LibreChatServices, librechat } from './librechat/index.ts';
import { type McpServices, mcp } from './mcp/index.ts';
import { type NativeServices, native } from './native/index.ts';
import { type OpenAIServices, openai } from './openai/index.ts';
import { type OpenSandboxServices, opensandbox } from './opensandbox/index.ts';

export { offlineAnswer } from './mcp/index.ts';
export { responseEnded } from './openai/index.ts';

/** What the dialects use together; each is typed to see only its part. */
export type DialectServices = AdminServices &
  AnthropicServices &
  E2BServices &
  JupyterServices &
  LibreChatServices &
  McpServices &
  NativeServices &
  OpenAIServices &
  OpenSandboxServices;

/** Every wire API of the service. */
export function createDialects(services: DialectServices): Dialect[] {
  return [
    // It comes first: what is for a sandbox is told by headers and host names, and may have any path.
    e2bSandbox(services),
    librechat(services),
    anthropic(services),
    openai(services),
    mcp(services),
    native(services),
    opensandbox(services),
    e2b(services),
    admin(services),
    jupyter(services),
  ];
}
