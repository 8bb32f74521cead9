import type { RateClass } from '../../../core/index.ts';
import type { Call } from '../call.ts';
import type { ToolAnswer } from '../content.ts';
import type { LanguageInfo, McpServices } from '../services.ts';

/** A tool that models call. */
export interface Tool {
  readonly name: string;
  readonly rateClass: RateClass;
  /** It may take long: its answer is a stream once it does. */
  readonly isLong: boolean;
  /** As `tools/list` tells it. */
  definition(about: ToolSurroundings): ToolDefinition;
  /** @throws DragomanError what the model did wrong, or what we cannot do */
  call(services: McpServices, call: Call, given: unknown): Promise<ToolAnswer>;
}

interface ToolDefinition {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly inputSchema: object;
  readonly outputSchema?: object;
  readonly annotations: object;
}

/** What descriptions tell of this service and this caller. */
export interface ToolSurroundings {
  readonly languages: readonly LanguageInfo[];
  /** Time limit of a run that asks for none, and the longest one may ask for; in milliseconds. */
  readonly wallMs: number;
  readonly maxWallMs: number;
}

export const sessionIdProperty = {
  type: 'string',
  description: 'From an earlier result, to go on there. Leave out for the current session.',
} as const;
