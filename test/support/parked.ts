import type { Engine } from '../../src/engine/index.ts';

/** Every kind of sandbox that waits while nothing asks for it is parked, so every zygote has loaded. */
export function isParked(engine: Engine): boolean {
  // Programs of Node wait once JavaScript or TypeScript is in use, and of sessions at rest only those that begin with Python.
  const waitsInUse = (kind: string) => kind.includes('+node') || (/^kernel\b/.test(kind) && kind !== 'kernel+python');
  return Object.entries(engine.census().parked).every(([kind, count]) => count > 0 || waitsInUse(kind));
}
