#!/usr/bin/env node
// The command line. Any Node from 20 on starts it; the project's own Node runs it.
import { endLike, prepare, runCommand } from './launch/run.mjs';

await prepare('production');
endLike(await runCommand(process.argv.slice(2)));
