import type { DockerEngine } from './engine.ts';
import { quoted } from './shell.ts';

/** Runs a program through a published port. @throws Error when the answer is no success */
export async function execute(
  engine: DockerEngine,
  url: string,
  key: string,
  body: object,
): Promise<{ stdout: string; code: number }> {
  const answer = await engine.inNetwork(
    `curl -sf -m 60 ${url}/v1/exec -H 'x-api-key: ${key}' -H 'content-type: application/json' -d ${quoted(JSON.stringify(body))}`,
  );
  return JSON.parse(answer);
}

/** The status of the health route; 0 when there is no answer. */
export async function health(engine: DockerEngine, url: string): Promise<number> {
  return Number(await engine.inNetwork(`curl -s -m 5 -o /dev/null -w '%{http_code}' ${url}/health || true`));
}
