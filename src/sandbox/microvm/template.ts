import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { within } from '../../core/index.ts';
import type { NotedUse } from '../kept.ts';
import { makingIn } from '../making.ts';
import type { Template } from '../port.ts';
import { Machine, type MachineParts } from './machine.ts';
import { sealedMemory } from './sealed.ts';

export interface TemplateOptions {
  readonly parts: MachineParts;
  readonly template: Template;
  /** Of its zygote. */
  readonly environment: Readonly<Record<string, string>>;
  readonly imageRoot: string;
  /** Where templates are kept. */
  readonly directory: string;
  /** Changes with everything that a template is made of. */
  readonly digest: string;
  readonly used: NotedUse;
}

/** Under emulation, on a machine that is busy with others. */
const bootDeadlineMs = 600_000;

/** A machine that has loaded its libraries and stands still: what machines are copied from. */
export interface LoadedTemplate {
  /** Sealed memory. */
  readonly memory: number;
  /** Path of everything else. */
  readonly state: string;
  /** No other one has it, though it be made of the same. */
  readonly id: string;
}

/** Finds the template on disk, or boots a machine and makes it. @throws Error with the end of the machine's console */
export async function loadTemplate(options: TemplateOptions): Promise<LoadedTemplate> {
  const { directory, digest, template, imageRoot, used } = options;
  const name = `${template.name}-${createHash('sha256')
    .update(`${digest} ${JSON.stringify(template)}`)
    .digest('hex')
    .slice(0, 16)}`;
  const folder = join(directory, name);
  if (!existsSync(folder)) {
    const making = makingIn(directory);
    mkdirSync(making, { recursive: true, mode: 0o700 });
    try {
      await make(options, making);
      // Another process may have been faster.
      if (!existsSync(folder)) renameSync(making, folder);
    } finally {
      rmSync(making, { recursive: true, force: true });
    }
  }
  used.add(folder);
  const state = join(folder, 'state');
  // It holds the clock and the random numbers of that one start.
  const id = createHash('sha256').update(readFileSync(state)).digest('hex');
  return { memory: await sealedMemory(join(folder, 'memory'), imageRoot), state, id };
}

async function make({ parts, template, environment }: TemplateOptions, folder: string): Promise<void> {
  const memory = openSync(join(folder, 'memory'), 'wx+', 0o600);
  // It runs as ourselves: nothing of a user is in it.
  const machine = await Machine.prepare({ ...parts, user: undefined }, { kind: 'template', memory, folder });
  try {
    const isLoaded = new Promise<void>((resolve, reject) => {
      machine.port.listen({
        ...nothing,
        event({ event }) {
          if (event === 'machine') machine.port.say('zygote', { command: zygoteCommand(template), environment });
          else if (event === 'zygote') resolve();
          else if (event === 'lost') reject(new Error('the template was not loaded'));
        },
        violate: (message) => reject(new Error(message)),
        end: () => reject(new Error('the machine has ended')),
      });
    });
    // Where QEMU does not start, that is what is told.
    isLoaded.catch(() => {});
    machine.go();
    await machine.qmp.start();
    const inTime = within(
      isLoaded.then(() => true),
      bootDeadlineMs,
    );
    if (!(await inTime)) throw new Error(`the machine did not start within ${bootDeadlineMs / 1000} s`);
    await machine.save();
  } catch (cause) {
    throw new Error(`a machine could not be made: ${machine.console.trim().slice(-500)}`, { cause });
  } finally {
    machine.kill();
    closeSync(memory);
  }
}

const nothing = { claims() {}, stdout() {}, stderr() {}, saved() {} };

function zygoteCommand({ isBare, imports, warm, parked = [] }: Template): string[] {
  if (isBare) return ['/opt/dragoman/native/zygote'];
  return ['/usr/bin/python3', '/opt/dragoman/guest', JSON.stringify({ imports, warm, parked, entrances: [] })];
}
