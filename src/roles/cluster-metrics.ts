import type {
  Connection,
  DoneQueue,
  JobLogs,
  LaneWorker,
  QueueDepths,
  SharedLane,
  WorkerFiles,
  WorkerLog,
  WorkerService,
  WorkerTable,
} from '../cluster/index.ts';
import type { Metrics } from '../core/index.ts';

/** What joins the processes, as each of them sees it. */
function connectionMetrics(metrics: Metrics, connection: Connection): void {
  metrics.gauge('nats_connected', 'Whether this process has its connection to the NATS servers', () =>
    Number(connection.isConnected),
  );
  metrics.total('nats_breaks', 'How often that connection was lost', () => connection.breaks);
}

/** What an operator needs to know of a gateway among others. */
export function gatewayMetrics(
  metrics: Metrics,
  parts: {
    readonly connection: Connection;
    readonly workers: WorkerTable;
    readonly lane: SharedLane;
    readonly logs: JobLogs;
    readonly endings: DoneQueue;
    readonly depths: QueueDepths;
  },
): void {
  const { connection, workers, lane, logs, endings, depths } = parts;
  connectionMetrics(metrics, connection);
  const sum = (count: (lease: ReturnType<WorkerTable['all']>[number]) => number) =>
    workers.all().reduce((total, lease) => total + count(lease), 0);
  metrics.gauge('workers', 'Workers that live', () => workers.all().length);
  metrics.gauge('workers_draining', 'Of those, workers that end', () => sum(({ draining }) => Number(draining)));
  metrics.gauge('worker_places', 'Executions that all workers may run at once', () => sum(({ places }) => places));
  metrics.gauge('worker_running', 'Executions that all workers run now', () => sum(({ running }) => running));
  metrics.gauge('worker_sessions', 'Sessions with a sandbox on any worker', () => sum(({ sessions }) => sessions));
  metrics.gauge('worker_lease_age_seconds', 'Age of the oldest lease of a worker', () => workers.oldestSeconds);
  metrics.total('workers_gone', 'Workers whose lease has ended', () => workers.gone);
  metrics.gauge('lane_waiting', 'Runs of this gateway that no worker has begun', () => lane.waiting);
  metrics.total('lane_refused', 'How often the shared queue had no slot for a run', () => lane.refused);
  metrics.gauge('lane_runs', 'Runs of all gateways in the shared queue, those under way included', () => depths.runs);
  metrics.gauge('logs_followed', 'Executions whose log this gateway follows', () => logs.followed);
  metrics.gauge('logs_behind', 'Records of them that wait to be read', () => logs.behind);
  metrics.total('logs_lost', 'Executions that ended as worker_lost', () => logs.lost);
  metrics.gauge('endings_in_hand', 'Endings of executions that this gateway sees to', () => endings.atOnce);
  metrics.gauge('endings_waiting', 'Endings that no gateway has recorded yet', () => depths.endings);
  metrics.gauge('endings_lag_seconds', 'For how long the oldest of them waits', () => depths.endingsSeconds);
}

/** What an operator needs to know of a worker, besides its sandboxes. */
export function workerMetrics(
  metrics: Metrics,
  parts: {
    readonly connection: Connection;
    readonly service: WorkerService;
    readonly lane: LaneWorker;
    readonly log: WorkerLog;
    readonly files: WorkerFiles;
    readonly places: number;
    readonly running: () => number;
  },
): void {
  const { connection, service, lane, log, files, places, running } = parts;
  connectionMetrics(metrics, connection);
  metrics.gauge('places', 'Executions that this worker may run at once', () => places);
  metrics.gauge('executions_running', 'Executions running now', running);
  metrics.gauge('lane_running', 'Of those, runs of the shared queue', () => lane.running);
  metrics.gauge('lane_pulls', 'Places that wait for a run of the shared queue', () => lane.pulling);
  metrics.total('lane_claims_lost', 'Runs of the queue that another process had begun or ended', () => lane.claimsLost);
  metrics.gauge('lease_held', 'Whether this worker lives for gateways', () => Number(service.hasLease));
  metrics.total('lease_lapses', 'How often its lease had ended before it was renewed', () => service.lapses);
  metrics.gauge('draining', 'Whether it takes nothing new', () => Number(service.isDraining));
  metrics.gauge('logs_written', 'Executions whose events are not all stored yet', () => log.open);
  metrics.gauge('file_cache_bytes', 'Bytes of files that it keeps on its disk', () => files.cachedBytes);
}
