#!/usr/bin/env node
// The command line. Any Node from 20 on starts it; the project's own Node runs it, or this one where it is new enough.
import { runCommandLine } from './launch/run.mjs';

await runCommandLine(process.argv.slice(2));
