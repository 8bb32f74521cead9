import type { ToolDefinition } from '../../src/core/index.ts';

/** A tool with arguments of several kinds. */
export const weather: ToolDefinition = {
  name: 'get-weather',
  description: 'The weather of a city.',
  parameters: {
    type: 'object',
    properties: {
      days: { type: 'integer', minimum: 1 },
      city: { type: 'string' },
      units: { type: 'string', enum: ['C', 'F'] },
    },
    required: ['city'],
  },
};

/** A tool that takes anything. */
export const echo: ToolDefinition = { name: 'echo', parameters: { type: 'object', additionalProperties: true } };
