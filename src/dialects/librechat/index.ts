export { librechat } from './routes.ts';
export type { LibreChatServices } from './services.ts';
