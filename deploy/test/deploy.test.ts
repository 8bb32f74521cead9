import { afterAll, beforeAll } from 'vitest';
import { imageRoot } from '../../test/support/image.ts';
import { describeCompose } from './compose.ts';
import { describeContainer } from './container.ts';
import { type DockerEngine, openEngine } from './engine.ts';
import { buildImage, image } from './images.ts';

/** One engine and one image for all: both take minutes where nothing is there yet. */
let engine: DockerEngine;
let sandbox: string;

beforeAll(async () => {
  sandbox = await imageRoot();
  engine = await openEngine();
  const seconds = await buildImage(engine);
  const bytes = Number(await engine.shell(`docker image inspect --format '{{.Size}}' ${image}`));
  console.log(`image of the service: ${Math.round(bytes / 1e6)} MB, built in ${Math.round(seconds)} s`);
  await engine.leaveHostNetwork();
}, 1_800_000);
afterAll(() => engine?.close(), 120_000);

describeContainer(
  () => engine,
  () => sandbox,
);
describeCompose(
  () => engine,
  () => sandbox,
);
