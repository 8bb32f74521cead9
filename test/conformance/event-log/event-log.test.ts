import { MemoryEventLog } from '../../../src/event-log/index.ts';
import { describeEventLog } from './event-log.ts';

describeEventLog(
  'memory',
  () => new MemoryEventLog({ maxLogs: 10, maxBytes: 100_000, maxLogBytes: 10_000, ttlMs: 60_000 }),
);
