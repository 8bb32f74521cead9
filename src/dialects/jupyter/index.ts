import { z } from 'zod';
import { type Dialect, JsonParser, type Operation, problemOf, problems } from '../../http/index.ts';
import { addChannels } from './channels.ts';
import { addContents } from './contents.ts';
import { Kernels } from './kernels.ts';
import { Pace } from './pace.ts';
import { addKernelRoutes } from './rest.ts';
import type { JupyterServices } from './services.ts';

export type { JupyterServices } from './services.ts';

const root = '/jupyter';
/** Where kernels share the files of their key; at `root` each has its own alone. */
const home = `${root}/home`;

/** Clients compare it: what they do depends on 2.0 and later. */
const version = '2.15.0';

const versionOperation = (id: string): Operation => ({
  id,
  summary: 'The version of the Jupyter Server API',
  description: 'The other addresses below are as Jupyter Server documents them.',
  answers: {
    ...problems(400, 429, 500, 503),
    200: {
      description: 'The version.',
      content: { type: 'application/json', schema: z.object({ version: z.string() }), example: { version } },
    },
  },
  open: true,
});

/** The wire of a Jupyter server, for its clients: kernels, sessions and files, and messages over WebSockets. */
export const jupyter = (services: JupyterServices): Dialect => ({
  name: 'jupyter',
  title: 'Jupyter',
  tokenPrefix: root,
  register(app) {
    const kernels = new Kernels(services);
    const parser = new JsonParser();
    const pace = new Pace();
    app.addHook('onReady', async () => kernels.start());
    app.addHook('onClose', async () => {
      kernels.close();
      await parser.close();
    });
    // Clients send JSON under any type, and types without a body.
    app.addHook('onRequest', async ({ raw: { headers } }) => {
      if (headers['content-type'] !== undefined) headers['content-type'] = 'application/json';
    });
    app.setErrorHandler((error, _request, reply) => {
      const { status, message } = problemOf(error);
      // A kernel whose session is over is gone.
      if (status === 410) return reply.code(404).send({ message, reason: null });
      return reply.code(status).send({ message, reason: null });
    });
    for (const prefix of [root, home]) {
      const isHome = prefix === home;
      const operation = versionOperation(isHome ? 'jupyterHomeVersion' : 'jupyterVersion');
      app.get(`${prefix}/api`, { config: { operation } }, async () => ({ version }));
      addKernelRoutes(app, kernels, prefix, isHome);
      addContents(app, { kernels, services, parser, prefix, isHome });
      addChannels(app, { kernels, parser, pace, prefix, isHome });
    }
  },
  unknownAddress({ path }) {
    const isOurs = path === root || path.startsWith(`${root}/`);
    if (!isOurs) return undefined;
    const isHere = path === root || path === home;
    const hint = 'This is no page: give a Jupyter client this address, and a key as its token.';
    return { headers: {}, body: { message: isHere ? hint : 'Not found.', reason: null } };
  },
});
