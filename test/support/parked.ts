import type { Engine } from '../../src/engine/index.ts';

/** Every kind of sandbox that waits while nothing asks for it is parked, so every zygote has loaded. */
export function isParked(engine: Engine): boolean {
  // Programs of Node wait once JavaScript or TypeScript is in use.
  return Object.entries(engine.census().parked).every(([kind, count]) => count > 0 || kind.includes('+node'));
}
