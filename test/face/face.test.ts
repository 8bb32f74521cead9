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
/** A browser on a busy machine misses a moment now and then. What is hostile must hold at once. */
const again = { retry: 1 };

describe('sign-in', again, () => signInScenes(face));
describe('notebook', again, () => notebookScenes(face));
describe('terminal', again, () => terminalScenes(face));
describe('playground', again, () => chatScenes(face));
describe('operator', { ...attacking('operators'), ...again }, () => operatorScenes(face));
describe('files', again, () => fileScenes(face));
describe('for anyone', again, () => anyoneScenes(face));
describe('budget', () => budgetScenes());
describe('output of a program', attacking('face'), () => hostileScenes(face));
