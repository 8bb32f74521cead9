import type { GuestFrame } from '../../../src/guest-protocol/index.ts';
import { ScriptedBackend } from '../../../src/sandbox/fixtures/scripted-backend.ts';
import type { Script, ScriptedSandbox } from '../../../src/sandbox/fixtures/scripted-sandbox.ts';
import type { Deed } from './deeds.ts';
import { describeBackend } from './suite.ts';

/** Does what a program or cell of the suite says. */
const run: Script = async ({ frame, code }, guest) => {
  if (frame.op === 'cell') return perform(JSON.parse(code.split('\n')[0]!.slice(2)), guest);
  if (frame.kind === 'program') return perform(JSON.parse(frame.argv.at(-1)!), guest);
  const { entry, args, stays } = frame;
  await guest.print(JSON.stringify({ entry, args, stays }));
  return 0;
};

/** The kernels of the suite that move much data. */
function intercept(frame: GuestFrame, { pipes }: ScriptedSandbox): boolean {
  if (frame.op === 'kernel') pipes.guest = frame.kernel === 'echo' ? 'echoes' : 'stuck';
  return false;
}

async function perform(deeds: readonly Deed[], guest: ScriptedSandbox): Promise<number | string | undefined> {
  for (const deed of deeds) {
    switch (deed.do) {
      case 'print':
        await guest.print(deed.text);
        break;
      case 'complain':
        await guest.print(deed.text, 'stderr');
        break;
      case 'pour':
        await guest.print('x'.repeat(deed.bytes));
        break;
      case 'write':
        guest.files.write(deed.path, deed.text);
        break;
      case 'chmod':
        guest.files.setMode(deed.path, deed.mode);
        break;
      case 'folder':
        guest.files.makeFolder(deed.path);
        break;
      case 'remove':
        guest.files.remove(deed.text);
        break;
      case 'show':
        await guest.print(guest.files.read(deed.path) ?? '');
        break;
      case 'chatter':
        while (!guest.ended) {
          await guest.print('more\n');
          await new Promise(setImmediate);
        }
        return undefined;
      case 'wait':
        return undefined;
      case 'exit':
        return deed.code;
      case 'die':
        return `SIG${deed.signal}`;
    }
  }
  return 0;
}

describeBackend('scripted', async () => ({
  backend: new ScriptedBackend({ run, intercept, templates: ['python'] }),
  template: 'python',
  kernel: { module: 'python' },
}));
