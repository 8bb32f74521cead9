import multipart from '@fastify/multipart';
import type { Dialect } from '../../http/index.ts';
import { assistantRoutes, modelResponseRoutes } from './assistants/routes.ts';
import { chatRoutes } from './chat/routes.ts';
import { containerRoutes } from './containers/routes.ts';
import { conversationRoutes } from './conversations/routes.ts';
import { wordErrors, wordUnknownAddresses } from './errors.ts';
import { fileRoutes } from './files/routes.ts';
import { modelRoutes } from './models/routes.ts';
import { responseRoutes } from './responses/routes.ts';

/** The API of OpenAI, for clients that were made for it and any model. */
export const openai: Dialect = {
  name: 'openai',
  title: 'OpenAI',
  async register(app, context) {
    // A scope of its own: the error wording is not for other dialects.
    await app.register(async (scope) => {
      wordErrors(scope, context);
      wordUnknownAddresses(scope);
      await scope.register(multipart, { preservePath: true, throwFileSizeLimit: false });
      containerRoutes(scope, context);
      fileRoutes(scope, context);
      responseRoutes(scope, context);
      conversationRoutes(scope, context);
      modelRoutes(scope, context);
      chatRoutes(scope, context);
      assistantRoutes(scope, context);
      modelResponseRoutes(scope, context);
    });
  },
};
