export { doctor } from './doctor.ts';
export { addKeyCommands, type KeyCommandContext } from './keys.ts';
