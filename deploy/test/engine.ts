import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attempt, eventually, quoted, type Ran, type ShellOptions, shell } from './shell.ts';

/** A Docker engine: the running one, or one that the test starts for itself and ends. */
export interface DockerEngine {
  /** Runs a bash command with `docker` set up for this engine. @throws Error when it fails */
  shell(command: string, options?: ShellOptions): Promise<string>;
  attempt(command: string, options?: ShellOptions): Promise<Ran>;
  /** The same where published ports are reachable. */
  inNetwork(command: string, options?: ShellOptions): Promise<string>;
  /** Restarts an engine of the test without the network of the host: ports are published in a network of its own. */
  leaveHostNetwork(): Promise<void>;
  close(): Promise<void>;
}

/** @throws Error saying what to install when there is neither an engine nor a program to start one */
export async function openEngine(): Promise<DockerEngine> {
  const running = await attempt('docker info');
  if (running.status === 0) return existing();
  const programs = await attempt('command -v dockerd containerd runc iptables ip nsenter docker');
  if (programs.status !== 0 || process.getuid!() !== 0)
    throw new Error(
      'no Docker engine runs, and the test cannot start one: start Docker, or run as root with dockerd in PATH (apt-get install docker.io iptables iproute2)',
    );
  return startOwn();
}

function existing(): DockerEngine {
  return { shell, attempt, inNetwork: shell, leaveHostNetwork: async () => {}, close: async () => {} };
}

async function startOwn(): Promise<DockerEngine> {
  const kept = process.env.DEPLOY_TEST_DIR;
  const directory = kept ?? mkdtempSync(join(tmpdir(), 'dragoman-docker-'));
  mkdirSync(join(directory, 'data'), { recursive: true });
  const socket = `unix://${directory}/docker.sock`;
  const env = { DOCKER_HOST: socket, DOCKER_BUILDKIT: '0' };
  const withEnv = (options: ShellOptions = {}) => ({ ...options, env: { ...env, ...options.env } });
  const common = [
    `--data-root=${directory}/data`,
    `--exec-root=${directory}/exec`,
    `--pidfile=${directory}/pid`,
    `--host=${socket}`,
  ];
  const offline = ['--iptables=false', '--ip6tables=false', '--bridge=none'];
  let daemon = await start(['dockerd', ...common, ...offline]);

  async function start(command: readonly string[]): Promise<ChildProcess> {
    const log = openSync(join(directory, 'dockerd.log'), 'a');
    const child = spawn(command[0]!, command.slice(1), { stdio: ['ignore', log, log] });
    const isUp = async () => {
      if (child.exitCode !== null) throw new Error(`dockerd ended: see ${directory}/dockerd.log`);
      return (await attempt('docker info', withEnv())).status === 0;
    };
    await eventually('dockerd is up', isUp);
    return child;
  }

  async function stop(): Promise<void> {
    const ended = new Promise((resolve) => daemon.once('exit', resolve));
    daemon.kill('SIGTERM');
    await ended;
  }

  return {
    shell: (command, options) => shell(command, withEnv(options)),
    attempt: (command, options) => attempt(command, withEnv(options)),
    inNetwork: (command, options) =>
      shell(`nsenter --net=/proc/${daemon.pid}/ns/net -- bash -euo pipefail -c ${quoted(command)}`, withEnv(options)),
    async leaveHostNetwork() {
      await stop();
      const script = `ip link set lo up && exec dockerd ${common.join(' ')}`;
      daemon = await start(['unshare', '--net', 'sh', '-c', script]);
    },
    async close() {
      await attempt('docker ps --all --quiet | xargs --no-run-if-empty docker rm --force', withEnv());
      await stop();
      if (kept === undefined) rmSync(directory, { recursive: true, force: true });
    },
  };
}
