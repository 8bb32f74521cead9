import multipart from '@fastify/multipart';
import type { Dialect, DialectContext } from '../../http/index.ts';
import { assistantRoutes, modelResponseRoutes } from './assistants/routes.ts';
import { chatRoutes } from './chat/routes.ts';
import { containerRoutes } from './containers/routes.ts';
import { conversationRoutes } from './conversations/routes.ts';
import { registerErrorFormat, unknownAddress } from './errors.ts';
import { fileRoutes } from './files/routes.ts';
import { modelRoutes } from './models/routes.ts';
import { Responses } from './responses/responses.ts';
import { responseRoutes } from './responses/routes.ts';

/** The API of OpenAI, for clients that were made for it and any model. */
export const openai = (context: DialectContext): Dialect => ({
  name: 'openai',
  title: 'OpenAI',
  unknownAddress,
  async register(app) {
    const responses = new Responses(context);
    app.addHook('onClose', () => responses.close());
    registerErrorFormat(app, context);
    await app.register(multipart, { preservePath: true, throwFileSizeLimit: false });
    containerRoutes(app, context);
    fileRoutes(app, context);
    responseRoutes(app, context, responses);
    conversationRoutes(app, context);
    modelRoutes(app, context);
    chatRoutes(app, context);
    assistantRoutes(app, context);
    modelResponseRoutes(app, context, responses);
  },
});
