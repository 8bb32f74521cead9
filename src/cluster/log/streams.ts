import {
  AckPolicy,
  DiscardPolicy,
  JetStreamApiError,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
  type StreamInfo,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { tiers } from '../../core/index.ts';
import type { Connection } from '../connection.ts';
import {
  doneConsumer,
  doneStream,
  doneSubjects,
  logStream,
  logSubjects,
  logsTold,
  runConsumer,
  runStream,
  runSubjects,
  runSubjectsOf,
} from '../subjects.ts';

/** How long the events of a job can be read after they were told. */
const logMs = 10 * 60_000;
/** Of all logs together; the oldest records go first. */
const logBytes = 1024 * 1024 * 1024;
const recordsOfOneLog = 4096;
/** Of one record with its head. */
const recordBytes = 256 * 1024;
/** As long as a job may wait and run together: a message that is older belongs to no job any more. */
const runMs = 2 * 60 * 60_000;
/** A worker beats each second for what it runs; a message without a beat for so long goes to another. */
const ackWaitMs = 5000;
/** A message that was published again in this time, because its answer was lost, is stored once. */
const againMs = 2 * 60_000;
/** An ending is given to another gateway when it is not recorded in this time. */
const recordMs = 10_000;
const doneMs = 24 * 60 * 60_000;

/** Makes the streams and the consumers where they are missing. Gateways do it; a worker may not. */
export async function ensureStreams({ nats, replicas: num_replicas }: Connection): Promise<void> {
  const manager = await jetstreamManager(nats);
  await ensure(manager, {
    name: logStream,
    subjects: [logSubjects],
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    max_age: nanos(logMs),
    max_bytes: logBytes,
    max_msgs_per_subject: recordsOfOneLog,
    max_msg_size: recordBytes,
    duplicate_window: nanos(againMs),
    num_replicas,
    allow_direct: true,
    republish: { src: logSubjects, dest: logsTold },
  });
  await ensure(manager, {
    name: runStream,
    subjects: [runSubjects],
    retention: RetentionPolicy.Workqueue,
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    discard_new_per_subject: true,
    max_msgs_per_subject: 1,
    max_age: nanos(runMs),
    duplicate_window: nanos(againMs),
    num_replicas,
  });
  await ensure(manager, {
    name: doneStream,
    subjects: [doneSubjects],
    retention: RetentionPolicy.Workqueue,
    storage: StorageType.File,
    max_age: nanos(doneMs),
    duplicate_window: nanos(againMs),
    num_replicas,
  });
  const consumer = (name: string, waitMs: number) => ({
    durable_name: name,
    ack_policy: AckPolicy.Explicit,
    ack_wait: nanos(waitMs),
    max_ack_pending: 100_000,
    max_waiting: 10_000,
  });
  for (const tier of tiers)
    await manager.consumers.add(runStream, {
      ...consumer(runConsumer(tier), ackWaitMs),
      filter_subject: runSubjectsOf(tier),
    });
  await manager.consumers.add(doneStream, consumer(doneConsumer, recordMs));
}

type Manager = Awaited<ReturnType<typeof jetstreamManager>>;

/** Another gateway may make it at the same moment, and an older one may have made it otherwise. */
async function ensure(manager: Manager, config: Partial<StreamConfig> & { name: string }): Promise<StreamInfo> {
  try {
    return await manager.streams.info(config.name);
  } catch (error) {
    if (!(error instanceof JetStreamApiError)) throw error;
  }
  try {
    return await manager.streams.add(config);
  } catch (error) {
    if (!(error instanceof JetStreamApiError)) throw error;
    return manager.streams.info(config.name);
  }
}
