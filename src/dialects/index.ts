import { librechat } from './librechat/routes.ts';
import { native } from './native/index.ts';
import { openai } from './openai/index.ts';

/** Every wire face the service has. */
export const dialects = [librechat, openai, native];
