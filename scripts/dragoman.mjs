#!/usr/bin/env node
// The command line: any Node can start it, the project's own runs it.
import { endLike, prepare, runCommand } from './launch/run.mjs';

await prepare('production');
endLike(await runCommand(process.argv.slice(2)));
