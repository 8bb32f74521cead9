import { describe, expect, it } from 'vitest';
import { hasProgram, runCommand } from './command.ts';

const sh = (program: string, options: Partial<Parameters<typeof runCommand>[2]> = {}) =>
  runCommand('sh', ['-c', program], { deadlineMs: 10_000, ...options });

describe('runCommand', () => {
  it('returns the status, the output and the last lines of both streams', async () => {
    const lines: string[] = [];
    const result = await sh('echo out; echo err >&2; printf end; exit 3', { onLine: (line) => lines.push(line) });
    expect(result).toMatchObject({ status: 3, stdout: 'out\nend\n' });
    expect(lines.sort()).toEqual(['end', 'err', 'out']);
    expect(result.tail.split('\n').sort()).toEqual(['end', 'err', 'out']);
  });

  it('keeps the end of a long output', async () => {
    const { tail } = await sh('seq 1 100');
    expect(tail.split('\n')).toHaveLength(30);
    expect(tail.endsWith('\n100')).toBe(true);
  });

  it('ends a command at its deadline, and says so', async () => {
    const since = performance.now();
    await expect(sh('exec sleep 60', { deadlineMs: 100, name: 'The nap' })).rejects.toThrow(
      'The nap did not end within 0.1 s and was stopped.',
    );
    expect(performance.now() - since).toBeLessThan(5000);
  });

  it('ends a command that is called off', async () => {
    const abort = new AbortController();
    const running = sh('exec sleep 60', { signal: abort.signal });
    abort.abort();
    await expect(running).rejects.toThrow('sh was interrupted and was stopped.');
    await expect(sh('exec sleep 60', { signal: abort.signal })).rejects.toThrow('was interrupted');
  });

  it('names a command that cannot be run', async () => {
    await expect(runCommand('/no/such/program', [], { deadlineMs: 1000 })).rejects.toThrow('/no/such/program');
  });
});

describe('hasProgram', () => {
  it('looks where programs are', () => {
    expect(hasProgram('sh')).toBe(true);
    expect(hasProgram('no-such-program')).toBe(false);
  });
});
