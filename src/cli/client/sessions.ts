import { type Command, Option } from 'commander';
import type { SessionRecord } from '#client';
import { atService, type ClientContext, type CommonOptions, withServiceOptions } from './command.ts';
import { milliseconds, wholeNumber } from './option-values.ts';
import { shown, type Terminal, table } from './terminal.ts';

/** Adds `sessions` and what is done with them. */
export function addSessionCommands(program: Command, context: ClientContext): void {
  const sessions = program.command('sessions').description('list sessions, begin, copy and end them');

  withServiceOptions(sessions.command('list', { isDefault: true }))
    .description('list sessions, the newest first')
    .option('--name <name>', 'only those of this name')
    .addOption(new Option('--limit <count>', 'at most so many').argParser(wholeNumber).default(20))
    .action((options: CommonOptions & { name?: string; limit: number }) =>
      atService(context, options, async ({ dragoman, terminal, signal }) => {
        const found: SessionRecord[] = [];
        const query = { limit: Math.min(options.limit, 100), ...(options.name ? { name: options.name } : {}) };
        for await (const session of dragoman.sessions.list(query, { signal })) {
          found.push(session);
          if (found.length >= options.limit) break;
        }
        if (options.json) terminal.json(found);
        else if (found.length === 0) terminal.note('There are no sessions. "dragoman repl" begins one.');
        else printSessions(terminal, found);
      }),
    );

  withServiceOptions(sessions.command('new'))
    .description('begin a session and print its id')
    .option('--name <name>', 'a name to find it by')
    .option('--lifetime <seconds>', 'it ends after so long without use', milliseconds)
    .action((options: CommonOptions & { name?: string; lifetime?: number }) =>
      atService(context, options, async ({ dragoman, terminal, signal }) => {
        const request = { name: options.name ?? null, lifetime_ms: options.lifetime ?? null };
        const session = await dragoman.sessions.create(request, { signal });
        if (options.json) terminal.json(await session.info({ signal }));
        else terminal.line(session.id);
      }),
    );

  withServiceOptions(sessions.command('show'))
    .description('print what is known of a session')
    .argument('<session>', 'its id')
    .action((id: string, options: CommonOptions) =>
      atService(context, options, async ({ dragoman, terminal, signal }) => {
        const info = await dragoman.sessions.open(id).info({ signal });
        if (options.json) return terminal.json(info);
        for (const [name, value] of Object.entries(info))
          terminal.line(`${name.padEnd(16)}${shown(typeof value === 'string' ? value : JSON.stringify(value))}`);
      }),
    );

  withServiceOptions(sessions.command('fork'))
    .description('begin a session with the same files and variables, and print its id')
    .argument('<session>', 'its id')
    .option('--name <name>', 'the name of the new one')
    .action((id: string, options: CommonOptions & { name?: string }) =>
      atService(context, options, async ({ dragoman, terminal, signal }) => {
        const copy = await dragoman.sessions.open(id).fork({ name: options.name ?? null }, { signal });
        if (options.json) terminal.json(await copy.info({ signal }));
        else terminal.line(copy.id);
      }),
    );

  withServiceOptions(sessions.command('interrupt'))
    .description('interrupt what runs in a session; variables stay')
    .argument('<session>', 'its id')
    .action((id: string, options: CommonOptions) =>
      atService(context, options, async ({ dragoman, terminal, signal }) => {
        const interrupted = await dragoman.sessions.open(id).interrupt({ signal });
        if (options.json) terminal.json({ interrupted });
        else terminal.note(interrupted ? 'Interrupted.' : 'Nothing runs in it.');
      }),
    );

  withServiceOptions(sessions.command('restart'))
    .description('forget the variables of a session; files stay')
    .argument('<session>', 'its id')
    .action((id: string, options: CommonOptions) =>
      atService(context, options, async ({ dragoman, terminal, signal }) => {
        const info = await dragoman.sessions.open(id).restart({ signal });
        if (options.json) terminal.json(info);
        else terminal.note('Restarted.');
      }),
    );

  withServiceOptions(sessions.command('state'))
    .description('show what is there of the variables of a session')
    .argument('<session>', 'its id')
    .option('--save', 'save them first')
    .option('--discard', 'remove what is saved')
    .action((id: string, options: CommonOptions & { save?: true; discard?: true }) =>
      atService(context, options, async ({ dragoman, terminal, signal }) => {
        const session = dragoman.sessions.open(id);
        if (options.discard) await session.discardState({ signal });
        const states = await (options.save ? session.saveState({ signal }) : session.state({ signal }));
        if (options.json) return terminal.json(states);
        if (states.length === 0) terminal.note('It has no variables.');
        for (const { kernel, state, saved_at: at, variables, lost, behind } of states) {
          const when = at === null ? '' : `  ${at}${behind ? ', code has run since' : ''}`;
          terminal.line(`${kernel.padEnd(16)}${state}${state === 'saved' ? `  ${variables} variables` : ''}${when}`);
          for (const { name, type, reason } of lost) terminal.line(`  lost: ${shown(`${name} (${type}) ${reason}`)}`);
        }
      }),
    );

  withServiceOptions(sessions.command('rm'))
    .description('end sessions and remove their files')
    .argument('<session...>', 'their ids')
    .action((ids: string[], options: CommonOptions) =>
      atService(context, options, async ({ dragoman, terminal, signal }) => {
        for (const id of ids) await dragoman.sessions.open(id).delete({ signal });
        if (options.json) terminal.json({ removed: ids });
        else terminal.note(ids.length === 1 ? 'Removed it.' : `Removed ${ids.length} sessions.`);
      }),
    );
}

function printSessions(terminal: Terminal, sessions: readonly SessionRecord[]): void {
  const rows = sessions.map((session) => [
    session.id,
    session.busy ? 'busy' : session.state,
    session.last_active_at.slice(0, 19).replace('T', ' '),
    shown(session.name ?? ''),
  ]);
  const [head, ...lines] = table([['ID', 'STATE', 'LAST USED (UTC)', 'NAME'], ...rows]);
  terminal.line(terminal.styled('bold', head!));
  for (const line of lines) terminal.line(line);
}
