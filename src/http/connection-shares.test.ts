import { EventEmitter } from 'node:events';
import type { Server } from 'node:http';
import { expect, it } from 'vitest';
import { boundConnections } from './connection-shares.ts';

class Connection extends EventEmitter {
  readonly remoteAddress: string;
  isClosed = false;

  constructor(remoteAddress: string) {
    super();
    this.remoteAddress = remoteAddress;
  }

  destroy(): void {
    this.isClosed = true;
    this.emit('close');
  }
}

it('gives one network three in four connections, and all together no more than the process can have', () => {
  const server = new EventEmitter();
  boundConnections(server as unknown as Server, 8, (address) => address);
  const open = (address: string) => {
    const connection = new Connection(address);
    server.emit('connection', connection);
    return connection;
  };
  const connections = [1, 1, 1, 1, 1, 1, 1, 2, 2, 3].map((address) => open(String(address)));
  const closed = [false, false, false, false, false, false, true, false, false, true];
  expect(connections.map(({ isClosed }) => isClosed)).toEqual(closed);
  connections[0]!.destroy();
  expect(open('3').isClosed).toBe(false);
  expect(open('1').isClosed).toBe(true);
});
