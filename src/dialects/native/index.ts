import type { Dialect } from '../../http/index.ts';
import { executionRoutes } from './executions.ts';
import { fileRoutes } from './files.ts';
import { sessionRoutes } from './sessions.ts';
import { usageRoutes } from './usage.ts';

/** Our own API: live sessions, streamed executions, files by path. Errors are worded as the HTTP room words them. */
export const native: Dialect = {
  name: 'native',
  title: 'Dragoman',
  async register(app, context) {
    sessionRoutes(app, context);
    executionRoutes(app, context);
    fileRoutes(app, context);
    usageRoutes(app, context);
  },
};
