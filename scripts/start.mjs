// `npm start`: installs the npm packages, then runs the service on the project's own Node.
import { endLike, prepare, runCommand } from './launch/run.mjs';

await prepare('production');
endLike(await runCommand(['serve', ...process.argv.slice(2)]));
