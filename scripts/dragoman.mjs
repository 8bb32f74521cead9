#!/usr/bin/env node
// The command line: any Node can start it, the project's own runs it.
import { endLike, prepare, project, runNode } from './launch/run.mjs';

await prepare('production');
endLike(await runNode([`${project}/src/main.ts`, ...process.argv.slice(2)]));
