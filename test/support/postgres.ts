import { execFile, spawn } from 'node:child_process';
import { chownSync, existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { newId } from '../../src/core/index.ts';
import { freePort } from './free-port.ts';

const run = promisify(execFile);
const startMs = 30_000;

/** A real PostgreSQL server of this test file's own, on a free port of loopback. */
export interface Postgres {
  readonly pid: number;
  readonly url: string;
  /** A URL whose tables go into a new schema, as into a database of its own. */
  newSchema(): Promise<string>;
  close(): Promise<void>;
}

/** @throws Error where there is no PostgreSQL */
export async function startPostgres(): Promise<Postgres> {
  const programs = findPrograms();
  const directory = await mkdtemp(join(tmpdir(), 'dragoman-postgres-'));
  const user = await ordinaryUser();
  if (user) chownSync(directory, user.uid, user.gid);
  const data = join(directory, 'data');
  const port = await freePort();
  // Its programs refuse to run as root.
  const as = { ...user, cwd: directory, env: { LC_ALL: 'C.UTF-8', PATH: process.env.PATH ?? '' } };
  await run(
    join(programs, 'initdb'),
    ['-D', data, '-U', 'dragoman', '-A', 'trust', '-E', 'UTF8', '--no-sync', '-N'],
    as,
  );
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: directory,
    fsync: 'off',
    max_connections: '200',
    shared_buffers: '16MB',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const server = spawn(join(programs, 'postgres'), ['-D', data, ...options], { ...as, stdio: 'ignore' });
  const exited = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  const url = `postgres://dragoman@127.0.0.1:${port}/postgres`;
  const close = async () => {
    // At once: what it would flush is a test's.
    server.kill('SIGQUIT');
    await exited;
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await untilReady(url);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    pid: server.pid!,
    url,
    async newSchema() {
      const name = `t${newId()
        .replaceAll(/[^a-z0-9]/gi, '')
        .toLowerCase()}`;
      await query(url, `create schema ${name}`);
      return `${url}?options=${encodeURIComponent(`-csearch_path=${name}`)}`;
    },
    close,
  };
}

/** Runs one statement. */
export async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

function findPrograms(): string {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).toSorted((a, b) => Number(b) - Number(a)) : [];
  const found = [...versions.map((version) => `${debian}/${version}/bin`), ...(process.env.PATH ?? '').split(':')].find(
    (folder) => ['initdb', 'postgres'].every((name) => existsSync(join(folder, name))),
  );
  if (!found) throw new Error('PostgreSQL is missing: install the package postgresql, or run "npm test", which does.');
  return found;
}

async function ordinaryUser(): Promise<{ uid: number; gid: number } | undefined> {
  if (userInfo().uid !== 0) return undefined;
  const name = 'nobody';
  const id = async (what: string) => Number((await run('id', [what, name])).stdout);
  return { uid: await id('-u'), gid: await id('-g') };
}

async function untilReady(url: string): Promise<void> {
  const deadline = performance.now() + startMs;
  for (;;) {
    try {
      await query(url, 'select 1');
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
