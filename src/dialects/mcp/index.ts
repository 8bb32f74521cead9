import type { Dialect } from '../../http/index.ts';
import { addMcpRoutes } from './routes.ts';
import type { McpServices } from './services.ts';

export { offlineAnswer } from './offline.ts';
export type { McpServices } from './services.ts';

/** The Model Context Protocol: tools to run code and to work with files, for any host. */
export const mcp = (services: McpServices): Dialect => ({
  name: 'mcp',
  title: 'Model Context Protocol',
  register(app) {
    addMcpRoutes(app, services);
  },
});
