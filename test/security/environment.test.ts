import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { exec } from '../support/client.ts';
import { descendants } from '../support/processes.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { attacking } from './attack.ts';

describe('a service with secrets in its environment', attacking('host'), () => {
  const secret = 'k-of-the-operator-0123456789';
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({
      env: { DRAGOMAN_API_KEYS: `ann:${secret}`, AWS_SECRET_ACCESS_KEY: secret, OPENAI_API_KEY: secret },
    });
  });
  afterAll(() => server?.stop());

  it('hands none of them to a process that it starts', async () => {
    const running = exec(server, { lang: 'bash', code: 'sleep 1; cat /proc/[0-9]*/environ | tr "\\0" "\\n"' });
    const environments = new Map<number, string>();
    // Parked sandboxes, zygotes and what makes them, while a program runs.
    await vi.waitFor(() => {
      for (const { pid } of descendants(server.pid)) environments.set(pid, environmentOf(pid));
      expect(environments.size).toBeGreaterThan(3);
    });
    expect([...environments].filter(([, text]) => text.includes(secret) || text.includes('DRAGOMAN_'))).toEqual([]);
    const { stdout } = await running;
    expect(stdout).toContain('HOME=/mnt/data');
    expect(stdout).not.toContain(secret);
  });

  it('keeps its lock from other users', () => {
    expect(statSync(join(server.dataDir, 'server.lock')).mode & 0o777).toBe(0o600);
  });
});

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8');
  } catch {
    return ''; // It has ended meanwhile.
  }
}
