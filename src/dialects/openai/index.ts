import multipart from '@fastify/multipart';
import type { Dialect } from '../../http/index.ts';
import { otherStyle } from './assistants/respond.ts';
import { assistantRoutes, modelResponseRoutes } from './assistants/routes.ts';
import { chatRoutes } from './chat/routes.ts';
import { containerRoutes } from './containers/routes.ts';
import { conversationRoutes } from './conversations/routes.ts';
import { registerErrorFormat, unknownAddress } from './errors.ts';
import { fileRoutes } from './files/routes.ts';
import { modelRoutes } from './models/routes.ts';
import { responseRoutes } from './responses/routes.ts';
import type { OpenAIServices } from './services.ts';

export { responseEnded } from './responses/webhook.ts';
export type { OpenAIServices };

/** The API of OpenAI, for clients that were made for it and any model. */
export const openai = (services: OpenAIServices): Dialect => ({
  name: 'openai',
  title: 'OpenAI',
  unknownAddress,
  async register(app) {
    registerErrorFormat(app, services);
    await app.register(multipart, { preservePath: true, throwFileSizeLimit: false });
    containerRoutes(app, services);
    fileRoutes(app, services);
    responseRoutes(app, services, { otherStyle: otherStyle(services) });
    conversationRoutes(app, services);
    modelRoutes(app, services);
    chatRoutes(app, services);
    assistantRoutes(app, services);
    modelResponseRoutes(app, services);
  },
});
