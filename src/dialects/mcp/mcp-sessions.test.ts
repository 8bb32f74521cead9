import { expect, test } from 'vitest';
import { McpSessions } from './mcp-sessions.ts';

const ada = { id: 'ada', tenant: 'ada', name: 'ada' };
const bob = { id: 'bob', tenant: 'bob', name: 'bob' };

function sessions(secret = Buffer.alloc(32, 1)) {
  let time = 1_700_000_000_000;
  const made = new McpSessions({ secret, lifeMs: 1000, now: () => time });
  return {
    made,
    wait: (ms: number) => {
      time += ms;
    },
  };
}

test('a session is found by who it was given to, and by no other', () => {
  const { made } = sessions();
  const header = made.begin(ada, '2025-06-18');
  expect(made.find(ada, header)).toMatchObject({ version: '2025-06-18' });
  expect(made.find(bob, header)).toBeUndefined();
  expect(made.find({ ...ada, tenant: 'x' }, header)).toBeUndefined();
});

test('a session outlives the process, not another secret', () => {
  const header = sessions().made.begin(ada, '2025-11-25');
  expect(sessions().made.find(ada, header)).toBeDefined();
  expect(sessions(Buffer.alloc(32, 2)).made.find(ada, header)).toBeUndefined();
});

test('an id that was changed anywhere is not accepted', () => {
  const { made } = sessions();
  const header = made.begin(ada, '2025-06-18');
  for (let place = 0; place < header.length; place++) {
    const other = header[place] === 'A' ? 'B' : 'A';
    expect(made.find(ada, header.slice(0, place) + other + header.slice(place + 1))).toBeUndefined();
  }
  for (const wrong of ['', 'x', `${header}A`, header.slice(1), `${header}\n`, 'A'.repeat(100_000)])
    expect(made.find(ada, wrong)).toBeUndefined();
});

test('a session that was ended is over, and its owner’s others are not', () => {
  const { made } = sessions();
  const [first, second] = [made.begin(ada, '2025-06-18'), made.begin(ada, '2025-06-18')];
  made.end(ada, made.find(ada, first)!);
  expect(made.find(ada, first)).toBeUndefined();
  expect(made.find(ada, second)).toBeDefined();
});

test('a session is over when its time is', () => {
  const { made, wait } = sessions();
  const header = made.begin(ada, '2025-06-18');
  wait(1000);
  expect(made.find(ada, header)).toBeDefined();
  wait(1);
  expect(made.find(ada, header)).toBeUndefined();
});
