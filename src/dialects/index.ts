import { librechat } from './librechat/routes.ts';

/** Every wire face the service has. */
export const dialects = [librechat];
