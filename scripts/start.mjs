// `npm start`: brings the npm packages, then hands over to the service on the project's own Node.
import { endLike, prepare, project, runNode } from './launch/run.mjs';

await prepare('production');
endLike(await runNode([`${project}/src/main.ts`, 'serve', ...process.argv.slice(2)]));
