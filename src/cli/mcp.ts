import type { Command } from 'commander';
import type { ClientContext } from './client/command.ts';

/** Adds `mcp`: the bridge for hosts that start a program and speak to it on its standard streams. */
export function addMcpCommand(program: Command, { env }: Pick<ClientContext, 'env'>, version: string): void {
  program
    .command('mcp')
    .description('speak MCP on standard input and output, for hosts that start a program')
    .option('--url <address>', 'the service, in place of DRAGOMAN_URL')
    .option('--profile <name>', 'a profile of "dragoman profile"')
    .option('--no-start', 'start no service where none runs on this machine')
    .action(async (options: { url?: string; profile?: string; start: boolean }) => {
      const { runBridge } = await import('./mcp/run.ts');
      await runBridge(options, env, version);
    });
}
