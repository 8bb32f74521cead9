import type { Dialect } from '../../http/index.ts';
import { addCommandRoutes } from './commands.ts';
import { addDraftRoutes } from './drafts.ts';
import { addExecutionRoutes } from './executions.ts';
import { addFileRoutes } from './files.ts';
import { addKernelRoutes } from './kernels.ts';
import { addQuestionRoutes } from './questions.ts';
import { addSandboxFileRoutes } from './sandbox-files.ts';
import type { NativeServices } from './services.ts';
import { addSessionRoutes } from './sessions.ts';
import { addShareRoutes } from './shares.ts';
import { addStateRoutes } from './states.ts';
import { addTerminal } from './terminal.ts';
import { addUsageRoutes } from './usage.ts';

export type { NativeServices } from './services.ts';

/** Our own API: live sessions, streamed executions, files by path. Errors have the default format of the HTTP room. */
export const native = (services: NativeServices): Dialect => ({
  name: 'native',
  title: 'Dragoman',
  register(app) {
    addSessionRoutes(app, services);
    addKernelRoutes(app, services);
    addCommandRoutes(app, services);
    addTerminal(app, services);
    addSandboxFileRoutes(app, services);
    addExecutionRoutes(app, services);
    addQuestionRoutes(app, services);
    addStateRoutes(app, services);
    addFileRoutes(app, services);
    addDraftRoutes(app, services);
    addShareRoutes(app, services);
    addUsageRoutes(app, services);
  },
});
