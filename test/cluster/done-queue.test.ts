import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { DoneQueue } from '../../src/cluster/index.ts';
import { encode } from '../../src/cluster/message.ts';
import { doneStream, doneSubject, seatOf } from '../../src/cluster/subjects.ts';
import { DragomanError, newId } from '../../src/core/index.ts';
import type { ToldEnding } from '../../src/service/index.ts';
import { connectTo, startLaneGateway } from '../support/lane.ts';
import { hasNats, type NatsServer, startNats } from '../support/nats.ts';
import { silent } from '../support/silent.ts';

describe.skipIf(!hasNats())('endings that workers tell', () => {
  let nats: NatsServer;
  beforeAll(async () => {
    nats = await startNats();
  });
  afterAll(() => nats?.close());
  beforeEach(async () => {
    await startLaneGateway(nats.url);
    await (await jetstreamManager((await connectTo(nats.url)).nats)).streams.purge(doneStream);
  });

  const ending = {
    ...{ type: 'ended', continuity: 'fresh', deleted: [], folders: null, lost: [] },
    files: [{ path: 'made.txt', change: 'created', digest: 'd', size: 1, mode: 0o644 }],
    result: { outcome: 'completed', interpreter: 'kept' },
  };
  const told = (more: object = {}) => {
    const worker = `w1.${newId()}`;
    const session = { id: newId(), epoch: 1, worker, turn: 0 };
    return { exec: newId(), worker, session, keep: 'sealed', code: '1', ending, ...more };
  };
  type Told = ReturnType<typeof told>;
  const publish = async (
    message: Told,
    subject = doneSubject(seatOf(message.worker), message.session.id, message.exec),
  ) => void (await jetstream((await connectTo(nats.url)).nats).publish(subject, encode(message)));
  const waiting = async () =>
    (await (await jetstreamManager((await connectTo(nats.url)).nats)).streams.info(doneStream)).state.messages;
  const start = async (settle: (told: ToldEnding) => Promise<boolean>) => {
    const queue = new DoneQueue(await connectTo(nats.url), silent, Date.now);
    onTestFinished(() => queue.close());
    const givenUp: string[] = [];
    queue.serve(settle, ({ exec }, error) => givenUp.push(`${exec} ${(error as DragomanError).code}`));
    return { queue, givenUp };
  };
  const until = (check: () => unknown) => vi.waitFor(check, { timeout: 15_000, interval: 50 });

  it('come to one gateway each, again until they are settled, and are gone then', async () => {
    const heard: string[] = [];
    const settle = async ({ exec }: ToldEnding) => {
      heard.push(exec);
      return heard.filter((each) => each === exec).length > 1;
    };
    await start(settle);
    await start(settle);
    const messages = Array.from({ length: 5 }, () => told());
    for (const message of messages) await publish(message);
    await until(async () => expect(await waiting()).toBe(0));
    expect(heard.toSorted()).toEqual(messages.flatMap(({ exec }) => [exec, exec]).toSorted());
  });

  it('are found by their session and by their execution until then', async () => {
    const { queue } = await start(() => new Promise(() => {}));
    const [first, second] = [told(), told()];
    const later = { ...first, exec: newId() };
    for (const message of [first, later, second]) await publish(message);
    expect(await queue.ofSession(first.session)).toMatchObject({ exec: later.exec, session: first.session });
    expect(await queue.ofExecution(second.exec)).toMatchObject({ exec: second.exec, toldAt: expect.any(Number) });
    expect(await queue.ofExecution(newId())).toBeUndefined();
    expect(await queue.ofSession({ ...first.session, worker: 'w2.x' })).toBeUndefined();
  });

  it('are given up when they are refused, and hold up no other', async () => {
    const refused = told();
    const { givenUp } = await start(async ({ exec }) => {
      if (exec === refused.exec) throw new DragomanError('conflict');
      return true;
    });
    await publish(refused);
    for (let i = 0; i < 40; i++) await publish(told());
    await until(async () => expect(await waiting()).toBe(0));
    expect(givenUp).toEqual([`${refused.exec} conflict`]);
  });

  it('stay while a store is away', async () => {
    let isAway = true;
    const { givenUp } = await start(async () => {
      if (isAway) throw new DragomanError('storage_unavailable');
      return true;
    });
    await publish(told());
    await vi.waitFor(async () => expect(await waiting()).toBe(1));
    isAway = false;
    await until(async () => expect(await waiting()).toBe(0));
    expect(givenUp).toEqual([]);
  });

  it('are not believed in another name: of another worker, session or execution, or without their form', async () => {
    const heard: string[] = [];
    await start(async ({ exec }) => {
      heard.push(exec);
      return true;
    });
    const message = told();
    const { worker, session, exec } = message;
    await publish({ ...message, worker: `w2.${newId()}` }, doneSubject('w1', session.id, exec));
    await publish(message, doneSubject('w1', newId(), exec));
    await publish(message, doneSubject('w1', session.id, newId()));
    await publish(
      { ...message, session: { ...session, worker: `w2.${newId()}` } },
      doneSubject('w1', session.id, exec),
    );
    for (const broken of [{ files: 'all' }, { files: [{ path: 1 }] }, { deleted: undefined }, { result: null }])
      await publish({ ...message, ending: { ...ending, ...broken } as never });
    await jetstream((await connectTo(nats.url)).nats).publish(doneSubject('w1', session.id, exec), 'no message');
    const good = told({ worker, session: { ...session } });
    await publish(good);
    await until(async () => expect(await waiting()).toBe(0));
    expect(heard).toEqual([good.exec]);
  });
});
