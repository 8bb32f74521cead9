import { afterAll, beforeAll, describe } from 'vitest';
import { attacking } from '../security/attack.ts';
import { type Face, startFace } from './pages.ts';
import { anyoneScenes } from './scenes/anyone.ts';
import { budgetScenes } from './scenes/budget.ts';
import { chatScenes } from './scenes/chat.ts';
import { fileScenes } from './scenes/files.ts';
import { hostileScenes } from './scenes/hostile.ts';
import { notebookScenes } from './scenes/notebook.ts';
import { operatorScenes } from './scenes/operator.ts';
import { signInScenes } from './scenes/sign-in.ts';
import { terminalScenes } from './scenes/terminal.ts';

/** The pages in a real browser, before a real service with real sandboxes and a scripted model: one of each for all scenes. */

let started: Face;
beforeAll(async () => {
  started = await startFace();
});
afterAll(() => started?.close());
const face = () => started;

describe('sign-in', () => signInScenes(face));
describe('notebook', () => notebookScenes(face));
describe('terminal', () => terminalScenes(face));
describe('playground', () => chatScenes(face));
describe('operator', attacking('operators'), () => operatorScenes(face));
describe('files', () => fileScenes(face));
describe('for anyone', () => anyoneScenes(face));
describe('budget', () => budgetScenes());
describe('output of a program', attacking('face'), () => hostileScenes(face));
