export { SandboxCommand } from './command.ts';
export { SandboxFiles } from './files.ts';
export type { CommandRequest, EngineCommand, EngineFiles } from './port.ts';
export { SideChannel } from './side-channel.ts';
