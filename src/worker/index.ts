export { Engines } from './engines.ts';
export { LocalRunner } from './local-runner.ts';
