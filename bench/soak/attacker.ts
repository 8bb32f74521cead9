/**
 * Makes one attack, in a process of its own: `attacker.ts NAME URL KEY SECONDS`. What it costs to attack is then not measured as
 * slowness of the service.
 */
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { AttackClient } from './attack-client.ts';
import { attacks } from './attacks.ts';

/** Pause after each round, so that a client that is refused at once is no endless loop. */
const pauseMs = 5;
/** Rounds of one attack, so that it ends with bounded leftovers. */
const maxRounds = 20_000;

const [name, url, key, seconds] = process.argv.slice(2) as [string, string, string, string];
const attack = attacks.find((each) => each.name === name)!;
const over = new AbortController();
const { signal } = over;
setMaxListeners(0, signal);
const client = new AttackClient({ url, key }, signal);
await client.start();
const prepared = (await attack.prepare?.(client).catch(() => undefined)) ?? '';
process.send?.('attacks');
setTimeout(() => over.abort(), Number(seconds) * 1000);
let rounds = 0;
await Promise.all(
  Array.from({ length: attack.clients }, async () => {
    while (!signal.aborted && rounds++ < maxRounds) {
      await attack.round(client, prepared).catch(() => {});
      await sleep(pauseMs);
    }
  }),
);
process.send?.('cleans up');
await client.cleanUp();
process.disconnect?.();
