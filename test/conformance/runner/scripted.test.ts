import { testLimits } from '../../support/engine.ts';
import { type Script, ScriptedRunner } from '../../support/scripted-runner.ts';
import { describeRunner, type Step } from './runner.ts';

/** Does the steps that its code is. */
const script: Script = async (own) => {
  for (const step of JSON.parse(own.job.code) as Step[]) {
    if ('print' in step) own.print(step.print);
    if ('printBytes' in step) own.print(Buffer.from(step.printBytes));
    if ('write' in step) own.write(...step.write);
    if ('remove' in step) own.remove(step.remove);
    if ('mode' in step) await own.setMode(...step.mode);
    if ('showMode' in step) own.print(own.modeAt(step.showMode).toString(8));
    if ('folder' in step) own.makeFolder(step.folder);
    if ('folders' in step) own.print(own.folders().join());
    if ('show' in step) own.print(await own.read(step.show));
    if ('list' in step) own.print(own.paths().join());
    if ('ask' in step) {
      const [answer] = await own.call([{ id: 'call_001', name: 'ask', input: { it: step.ask } }]);
      if (answer && 'value' in answer) own.print(String(answer.value));
    }
    if ('wait' in step) await own.interrupted;
  }
  return undefined;
};

describeRunner('scripted', async (files) => ({
  runner: new ScriptedRunner(files, script),
  limits: testLimits,
  language: 'python',
  code: (steps) => JSON.stringify(steps),
}));
