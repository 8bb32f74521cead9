// What ordinary Node programs do with the operating system; prints 'done' when all of it works.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import { Worker } from 'node:worker_threads';

assert.equal(execFileSync('sh', ['-c', 'echo hello | cat'], { encoding: 'utf8' }), 'hello\n');

const cat = spawn('cat');
cat.stdin.end('piped');
assert.equal(String((await once(cat.stdout, 'data'))[0]), 'piped');

const task = 'import { parentPort } from "node:worker_threads"; parentPort.postMessage(6 * 7);';
const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(task)}`));
assert.deepEqual(await once(worker, 'message'), [42]);

const server = http.createServer((_request, response) => response.end('ok')).listen(0, '127.0.0.1');
await once(server, 'listening');
assert.equal(await (await fetch(`http://127.0.0.1:${server.address().port}`)).text(), 'ok');
server.close();
server.closeAllConnections();

const folder = fs.mkdtempSync('/tmp/work-');
await fs.promises.writeFile(`${folder}/a`, 'content');
fs.copyFileSync(`${folder}/a`, `${folder}/b`);
fs.cpSync(folder, '/tmp/copy', { recursive: true });
assert.equal(await fs.promises.readFile('/tmp/copy/b', 'utf8'), 'content');
// Watching by events is refused; watching by polling takes its place.
fs.watchFile(`${folder}/a`, { interval: 20 }, () => {});
fs.unwatchFile(`${folder}/a`);

console.log('done');
