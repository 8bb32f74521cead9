import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { NatsPeers } from '../../src/cluster/index.ts';
import { DragomanError } from '../../src/core/index.ts';
import { PeerSilent } from '../../src/service/index.ts';
import { connectNats } from '../support/cluster-runner.ts';
import { eventually } from '../support/eventually.ts';
import { hasNats, type NatsServer, startNats } from '../support/nats.ts';

const logger = { debug() {}, info() {}, warn() {}, error() {} };

describe.skipIf(!hasNats())('gateways over NATS', () => {
  let nats: NatsServer;
  beforeAll(async () => {
    nats = await startNats();
  });
  afterAll(() => nats?.close());
  const gateway = async () => {
    const connection = await connectNats(nats.url);
    const peers = new NatsPeers(connection, logger);
    await peers.start();
    onTestFinished(() => peers.close());
    return peers;
  };

  it('ask each other, with questions and answers of any size, and hear errors as they are', async () => {
    const [one, two] = [await gateway(), await gateway()];
    two.serve(
      async (question) => {
        if (question.type === 'reload') throw new DragomanError('conflict', { message: 'no' });
        return question.type === 'answer' ? question.results : null;
      },
      () => {},
    );
    const results = [{ id: 'a', value: 'x'.repeat(3_000_000) }] as never;
    expect(await one.ask(two.id, { type: 'answer', id: 'e', results }, 10_000)).toEqual(results);
    const refused = one.ask(two.id, { type: 'reload', session: 's' }, 5000);
    await expect(refused).rejects.toMatchObject({ code: 'conflict' });
  });

  it('know that one has ended, and that one does not answer', async () => {
    const [one, two] = [await gateway(), await gateway()];
    two.serve(
      () => new Promise(() => {}),
      () => {},
    );
    await expect(one.ask(two.id, { type: 'state', id: 'e' }, 300)).rejects.toBeInstanceOf(PeerSilent);
    two.close();
    await eventually(async () => expect(one.isAlive(two.id)).toBe(false));
    await expect(one.ask(two.id, { type: 'state', id: 'e' }, 5000)).rejects.toBeInstanceOf(PeerSilent);
  });

  it('find executions of each other', async () => {
    const [one, two] = [await gateway(), await gateway()];
    const note = {
      ...{ id: 'exec-1', tenant: 't', principalId: 'p', owner: 'o', sessionId: 's', inSession: true },
      ...{ language: 'python', tier: 'namespaces' as const, begunAt: 1, gateway: one.id },
    };
    one.note(note);
    await eventually(async () => expect(await two.find('exec-1')).toMatchObject(note));
    await eventually(async () => expect(await two.latestOf('s')).toMatchObject(note));
    expect(await two.find('exec-2')).toBeUndefined();
    expect(await two.find('*.>')).toBeUndefined();
  });

  it('find executions of each other after the server was started anew', async () => {
    const [one, two] = [await gateway(), await gateway()];
    await nats.kill();
    await nats.restart();
    const note = {
      ...{ id: 'exec-3', tenant: 't', principalId: 'p', owner: 'o', sessionId: 's', inSession: false },
      ...{ language: 'python', tier: 'namespaces' as const, begunAt: 1, gateway: one.id },
    };
    await vi.waitFor(
      async () => {
        one.note(note);
        expect(await two.find('exec-3')).toMatchObject(note);
      },
      { timeout: 15_000, interval: 200 },
    );
  });
});
