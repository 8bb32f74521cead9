export { LocalRunner } from './local-runner.ts';
