// Says what did not come back as it was; silent otherwise.
const checks = {
  constants: () => { try { n = 6; return false; } catch (e) { return e instanceof TypeError && n === 5 && u === undefined; } },
  aliases: () => alias === v && v[2].a === 1 && m.get('k') === v && st.has(v) && glob.v === v && circ.self === circ,
  numbers: () => big === 10n ** 30n && Object.is(neg, -0) && Number.isNaN(nan),
  dates: () => d.toISOString() === '1970-01-01T00:00:00.000Z' && re.flags === 'gi' && re.test('AA'),
  frozen: () => Object.isFrozen(frozen) && Object.isSealed(sealed) && !Object.isFrozen(frozen.a),
  accessors: () => obj[sym] === 1 && obj.twice === 8,
  errors: () => err.message === 'bad' && err.cause === 'c' && err instanceof TypeError && err.stack.includes('bad'),
  memory: () => { sub[0] = 9; bigview[0] = 1; return ta[1] === 9 && bigbuf[4] === 1 && bigview[1] === 7 && String(buf) === 'hello'; },
  urls: () => url.searchParams.get('c') === '1' && !(1 in holes) && holes.length === 3,
  functions: () => { rate = 0.5; return net(10) === 5 && arrow(10) === 6 && bound() === 50; },
  classes: () => A.made === 42 && b.hi() === 'hi 1B' && c.hi() === 'hi 2C!' && c instanceof B && b.extra() === 10 && B.make(4).y === 4,
  constructors: () => old.get() === 9 && old instanceof Old && stk.top() === 3 && stk.length === 1 && me.code === 5 && me instanceof MyErr,
  closures: () => ctr.up() === 2 && ctr.get() === 2 && add5(1) === 6 && add6(1) === 7 && lone() === 2,
  generators: () => [...gf()].length === 1 && af() instanceof Promise,
  modules: () => fs === require('fs') && join('a', 'b') === 'a/b',
  events: () => { em.emit('x'); return heard === 1; },
  proxies: () => proxy.z === 26 && proxy.q === 1,
  process: () => process.env.MINE === 'yes' && [1, 2].last() === 2 && process.cwd() === '/tmp',
  rows: () => rows[999].name === 'n999' && fnProp() === 1 && fnProp.meta === v,
};
for (const [name, check] of Object.entries(checks)) {
  let said;
  try { said = check(); } catch (error) { said = error.message; }
  if (said !== true) console.log(name, said);
}
if ((await p) !== 7) console.log('promise');
