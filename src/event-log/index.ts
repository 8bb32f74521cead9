export { MemoryEventLog } from './memory.ts';
export type { EventLog, EventWriter, NumberedEvent } from './port.ts';
