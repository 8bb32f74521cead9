export { MemoryEventLog, type MemoryEventLogOptions } from './memory.ts';
export type { EventLog, EventWriter, NumberedEvent } from './port.ts';
