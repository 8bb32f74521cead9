import multipart from '@fastify/multipart';
import type { Dialect } from '../../http/index.ts';
import { wordErrors } from './errors.ts';
import { fileRoutes } from './files/routes.ts';
import { responseRoutes } from './responses/routes.ts';

/** The API of OpenAI, for clients that were made for it and any model. */
export const openai: Dialect = {
  name: 'openai',
  async register(app, context) {
    // A scope of its own: the error wording is not for other dialects.
    await app.register(async (scope) => {
      wordErrors(scope, context);
      await scope.register(multipart, { preservePath: true, throwFileSizeLimit: false });
      fileRoutes(scope, context);
      responseRoutes(scope, context);
    });
  },
};
