import multipart from '@fastify/multipart';
import type { Dialect } from '../../http/index.ts';
import { isAnthropic, notFound, notServed, registerErrorFormat, unknownAddress } from './errors.ts';
import { fileRoutes } from './files/routes.ts';
import { readEditor } from './messages/editor.ts';
import { messageRoutes } from './messages/routes.ts';
import { modelRoutes } from './models/routes.ts';
import type { AnthropicServices } from './services.ts';

export type { AnthropicServices };

/** Clients give up after ten minutes. */
const defaultPauseAfterMs = 7 * 60_000;

/** Addresses of this API that are not served, and that another dialect has for something else. */
const taken = ['/sessions', '/sessions/*'];

/** The Messages API of Anthropic, for clients that were made for it and any model. */
export const anthropic = (services: AnthropicServices, pauseAfterMs = defaultPauseAfterMs): Dialect => ({
  name: 'anthropic',
  title: 'Anthropic',
  claims: isAnthropic,
  unknownAddress,
  async register(app) {
    registerErrorFormat(app, services);
    await app.register(multipart, { preservePath: true, throwFileSizeLimit: false });
    messageRoutes(app, services, { editor: readEditor(), pauseAfterMs });
    fileRoutes(app, services);
    modelRoutes(app, services);
    for (const url of taken)
      app.route({
        method: ['GET', 'POST', 'PATCH', 'PUT', 'DELETE'],
        url,
        constraints: { dialect: 'anthropic' },
        config: { rateClass: 'list', isUndescribed: true },
        async handler({ method, url: path }) {
          throw notFound(notServed(method, `/v1${path.split('?')[0]}`));
        },
      });
  },
});
