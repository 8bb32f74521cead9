export { LocalRunner, type LocalRunnerOptions } from './local-runner.ts';
