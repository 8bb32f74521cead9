import { onTestFinished } from 'vitest';
import type { JobFiles } from '../../src/runner/index.ts';
import { type ExecutionNote, type PeerQuestion, PeerSilent, type Peers } from '../../src/service/index.ts';
import { createMemoryBytes, createPostgresRecords } from '../../src/stores/index.ts';
import { type Script, ScriptedRunner } from './scripted-runner.ts';
import { type ScriptedServiceOptions, scriptedService } from './scripted-service.ts';

type State = 'lives' | 'frozen' | 'dead';

/** What gateways of one test process know of each other. What passes goes through JSON, as between processes. */
class TestPeers {
  readonly notes = new Map<string, ExecutionNote>();
  readonly #answers = new Map<string, (question: PeerQuestion) => Promise<unknown>>();
  readonly states = new Map<string, State>();

  of(id: string): Peers {
    this.states.set(id, 'lives');
    return {
      id,
      others: () => [...this.states].flatMap(([each, state]) => (each !== id && state !== 'dead' ? [each] : [])),
      isAlive: (gateway) => this.states.has(gateway) && this.states.get(gateway) !== 'dead',
      ask: async <T>(gateway: string, question: PeerQuestion) => {
        if (this.states.get(gateway) !== 'lives') {
          await new Promise((resolve) => setTimeout(resolve, 50));
          throw new PeerSilent(gateway);
        }
        const answer = await this.#answers.get(gateway)!(JSON.parse(JSON.stringify(question)) as PeerQuestion);
        return JSON.parse(JSON.stringify(answer ?? null)) as T;
      },
      serve: (answer) => void this.#answers.set(id, answer),
      note: (note) => {
        this.notes.set(note.id, JSON.parse(JSON.stringify(note)) as ExecutionNote);
        if (note.inSession) this.notes.set(`session.${note.sessionId}`, note);
      },
      find: async (execution) => this.notes.get(execution),
      latestOf: async (session) => this.notes.get(`session.${session}`),
    };
  }
}

/** Two gateways over one database, one store of bytes and one worker, in this process. */
export async function twoGateways(url: string, script?: Script, options: ScriptedServiceOptions = {}) {
  const peers = new TestPeers();
  const bytes = createMemoryBytes();
  const storages = new Map<string, JobFiles>();
  // A worker's files go to the gateway that has the job.
  const files: JobFiles = {
    open: (digest, use) => storages.values().next().value!.open(digest, use),
    put: async (use, ...rest) => {
      for (const storage of storages.values()) {
        try {
          return await storage.put(use, ...rest);
        } catch (error) {
          if (!/is over/.test((error as Error).message)) throw error;
        }
      }
      throw new Error('no gateway has this job');
    },
  };
  const runner = new ScriptedRunner(files, script);
  const gateway = async (id: string) => {
    const records = createPostgresRecords({ url });
    await records.start();
    onTestFinished(() => records.close());
    const service = scriptedService(undefined, { ...options, records, peers: peers.of(id), bytes, runner });
    storages.set(id, service.jobFiles);
    const set = (state: State) => void peers.states.set(id, state);
    return Object.assign(service, { id, set });
  };
  return { one: await gateway('gateway-1'), two: await gateway('gateway-2'), runner, peers };
}
