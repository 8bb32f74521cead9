export { adviceFor, doctor } from './doctor.ts';
export { presentImageRoot } from './image-root.ts';
export { addKeyCommands } from './keys.ts';
