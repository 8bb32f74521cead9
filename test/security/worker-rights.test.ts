import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { createInbox, PermissionViolationError } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Connection, excessiveRights, inboxOf, WorkerTable } from '../../src/cluster/index.ts';
import { hasNats, type NatsServer, startNats } from '../support/nats.ts';
import { silent } from '../support/silent.ts';
import { attacking } from './attack.ts';

const command = new URL('../../src/main.ts', import.meta.url).pathname;

describe.skipIf(!hasNats())('a captured worker', attacking('machines'), () => {
  let nats: NatsServer;
  let folder: string;
  const seedOf = (name: string) =>
    /^DRAGOMAN_NATS_SEED=(\S+)$/m.exec(readFileSync(join(folder, `${name}.env`), 'utf8'))![1]!;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'dragoman-rights-'));
    execFileSync(process.execPath, [command, 'cluster', 'nats-config', folder, '--workers', '2']);
    const made = readFileSync(join(folder, 'nats-server.conf'), 'utf8');
    // Its address and its folder are a test's own.
    nats = await startNats(made.replace(/^listen: .*$/m, '').replace(/^ {2}store_dir: .*$/m, ''));
  });
  afterAll(async () => {
    await nats?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const connect = async (name: string, seed = seedOf(name)) => {
    const seat = name === 'gateway' ? undefined : name;
    const connection = await Connection.open({
      servers: [`127.0.0.1:${nats.port}`],
      ...{ tls: false, user: undefined, password: undefined, seed, caFile: undefined, name },
      ...{ inbox: inboxOf(seat), firstMs: 5000, logger: silent },
    });
    onTestFinished(() => connection.close());
    return connection;
  };

  it('has a key that only its owner reads, and the server no secret', () => {
    expect(statSync(join(folder, 'worker-1.env')).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(folder, 'nats-server.conf'), 'utf8')).not.toMatch(/SU[A-Z0-9]{56}/);
    expect(seedOf('worker-1')).not.toBe(seedOf('worker-2'));
  });

  it('is refused with a key that is not its own', async () => {
    await expect(connect('worker-1', 'SUAHJ7IT2S7F7BWX5AZZNX4WZPD37O6OZA227VS5AGE4UG5KNT67WPTUQI')).rejects.toThrow(
      /refuses the credentials of this worker/,
    );
  });

  it('hears and sends nothing but what is its own', async () => {
    const worker = await connect('worker-1');
    expect(await excessiveRights(worker, 'worker-1')).toMatchObject({ excessive: [], missing: [] });
  });

  it.each([
    ['an event in the name of another worker', 'dg.in.worker-2.job'],
    ['an event in the name of a gateway', 'dg.in.gateway.job'],
    ['an event as the log tells it', 'dg.ev.worker-1.job'],
    ['an ending in the name of another worker', 'dg.done.worker-2.-.job'],
    ['a run for other workers', 'dg.run.namespaces.owner.0'],
    ['the lease of another worker', '$KV.dg_workers.worker-2'],
    ['a question to another worker', 'dg.w.worker-2.cell'],
    ['a question to a gateway in the name of another worker', 'dg.g.grant.worker-2'],
    ['a question to a gateway of a peer', 'dg.peer.gateway.state'],
    ['an answer that was not asked for', `${inboxOf(undefined)}.abc`],
    ['an answer to another worker', `${inboxOf('worker-2')}.abc`],
    ['the end of another queue’s message', '$JS.ACK.DG_DONE.recorders.1.1.1.1.1'],
    ['a pull of endings', '$JS.API.CONSUMER.MSG.NEXT.DG_DONE.recorders'],
    ['a pull of events', '$JS.API.CONSUMER.MSG.NEXT.DG_EV.workers'],
    ['a message of a stream', '$JS.API.STREAM.MSG.GET.DG_EV'],
    ['a message of a stream, directly', '$JS.API.DIRECT.GET.KV_dg_workers'],
    ['the list of streams', '$JS.API.STREAM.NAMES'],
    ['the end of a stream', '$JS.API.STREAM.PURGE.DG_RUN'],
    ['the removal of a message', '$JS.API.STREAM.MSG.DELETE.DG_RUN'],
    ['a consumer of its own', '$JS.API.CONSUMER.CREATE.DG_EV.mine'],
    ['a durable consumer of its own', '$JS.API.CONSUMER.DURABLE.CREATE.DG_EV.mine'],
    ['what a consumer is', '$JS.API.CONSUMER.INFO.DG_RUN.workers_gvisor'],
  ])('may not send %s', async (_, subject) => {
    const { nats: wire } = await connect('worker-1');
    const refused = new Promise<unknown>((resolve) => {
      void (async () => {
        for await (const status of wire.status()) if (status.type === 'error') resolve(status.error);
      })();
    });
    wire.publish(subject, 'x');
    await wire.flush();
    expect(await refused).toBeInstanceOf(PermissionViolationError);
  });

  it.each([
    '>',
    'dg.>',
    'dg.w.*.cell',
    'dg.w.worker-2.>',
    'dg.ev.>',
    'dg.in.>',
    '_INBOX.>',
    '_INBOX_dg_w_worker-2.>',
    '$KV.>',
    '$JS.>',
  ])('may not hear %s', async (subject) => {
    const { nats: wire } = await connect('worker-1');
    const refused = new Promise<unknown>((resolve) => {
      wire.subscribe(subject, {
        callback: (error) => {
          if (error) resolve(error);
        },
      });
    });
    await wire.flush();
    expect(await refused).toBeInstanceOf(PermissionViolationError);
  });

  it('keeps its own lease, and a question is answered once', async () => {
    const gateway = await connect('gateway');
    const table = new WorkerTable(gateway, silent);
    onTestFinished(() => table.close());
    await table.start();
    const worker = await connect('worker-1');
    const { seq } = await jetstream(worker.nats).publish('$KV.dg_workers.worker-1', '{}');
    expect(seq).toBeGreaterThan(0);
    const errors: unknown[] = [];
    void (async () => {
      for await (const status of worker.nats.status()) if (status.type === 'error') errors.push(status.error);
    })();
    worker.nats.subscribe('dg.w.worker-1.>', {
      callback: (_, message) => {
        message.respond('first');
        message.respond('second');
      },
    });
    await worker.nats.flush();
    expect(new TextDecoder().decode(await gateway.request('dg.w.worker-1.cell', new Uint8Array(), 2000))).toBe('first');
    await worker.nats.flush();
    expect(errors).toHaveLength(1);
  });

  it('pulls runs of the queue and ends them, and reads none that it did not pull', async () => {
    const gateway = await connect('gateway');
    const manager = await jetstreamManager(gateway.nats);
    await manager.streams.add({ name: 'DG_RUN', subjects: ['dg.run.>'], retention: 'workqueue' });
    await manager.consumers.add('DG_RUN', { durable_name: 'workers_gvisor', ack_policy: 'explicit' });
    await jetstream(gateway.nats).publish('dg.run.namespaces.owner.0', 'job');
    const { nats: wire } = await connect('worker-1');
    const inbox = createInbox(inboxOf('worker-1'));
    const arrived = wire.subscribe(inbox, { max: 1 });
    wire.publish('$JS.API.CONSUMER.MSG.NEXT.DG_RUN.workers_gvisor', '', { reply: inbox });
    const { value: pulled } = await arrived[Symbol.asyncIterator]().next();
    expect(pulled.string()).toBe('job');
    await wire.request(pulled.reply, '+ACK', { timeout: 2000 });
    expect((await manager.streams.info('DG_RUN')).state.messages).toBe(0);
  });
});
