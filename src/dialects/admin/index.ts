import type { Dialect } from '../../http/index.ts';
import { addKeyRoutes } from './keys.ts';
import { addOverviewRoutes } from './overview.ts';
import type { AdminServices } from './services.ts';
import { addWorkRoutes } from './work.ts';

export type { AdminServices } from './services.ts';

/** What keys with the right `admin` may do: see and end what others run, and manage keys. Nothing here shows code, output or files. */
export const admin = (services: AdminServices): Dialect => ({
  name: 'admin',
  title: 'Operators',
  isForOperators: true,
  register(app) {
    addOverviewRoutes(app, services);
    addWorkRoutes(app, services);
    addKeyRoutes(app, services);
  },
});
