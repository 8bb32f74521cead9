import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import { hasNats } from '../nats.ts';
import { hasS3Server } from '../s3.ts';
import { Caller } from './caller.ts';
import { type Cluster, type ClusterOptions, startCluster } from './cluster.ts';
import type { ClusterNode } from './node.ts';
import type { RunCounter } from './run-counter.ts';

/** What the tests of one file have in common: one cluster, which they may break: after each test
 * workers and gateways are started until as many live as at first. */
export interface ClusterInTest {
  readonly cluster: Cluster;
  /** Speaks to a gateway, the first one unless another is named, as one of three principals. */
  caller(gateway?: number, key?: 0 | 1 | 2): Caller;
  live(nodes: readonly ClusterNode[]): ClusterNode[];
  /** The worker whose sandboxes run this code now. */
  workerOf(counter: RunCounter): ClusterNode;
  /** Starts workers and gateways until as many live as at first, as is done after each test. */
  heal(): Promise<void>;
}

/** Runs tests over one cluster, or skips them where its servers cannot be had. */
export function describeCluster(title: string, options: ClusterOptions, tests: (context: ClusterInTest) => void): void {
  describe.skipIf(!hasNats() || !hasS3Server())(title, () => {
    let cluster: Cluster;
    beforeAll(async () => {
      cluster = await startCluster(options);
    });
    afterAll(() => cluster?.close());
    const live = (nodes: readonly ClusterNode[]) => nodes.filter(({ isAlive }) => isAlive);
    const heal = async () => {
      while (live(cluster.gateways).length < options.gateways) await cluster.addGateway();
      while (live(cluster.workers).length < options.workers) await cluster.addWorker();
    };
    afterEach(heal);
    tests({
      get cluster() {
        return cluster;
      },
      live,
      heal,
      caller: (gateway = 0, key = 0) => new Caller(live(cluster.gateways)[gateway]!, cluster.keys[key]),
      workerOf(counter) {
        const found = live(cluster.workers).find(({ pid }) => counter.isBelow(pid));
        if (!found) throw new Error('no worker runs this code now');
        return found;
      },
    });
  });
}

/** Prints a row of the failure table: what was broken when, what the client saw, and how often its code ran. */
export function note(broken: string, seen: string, runs: number): void {
  console.log(`| ${broken} | ${seen} | ${runs} |`);
}
