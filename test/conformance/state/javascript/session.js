// A session of JavaScript whose variables are saved and taken in by another kernel (test/engine/kernel-state.test.ts).
const n = 5; let s = 'x'; var v = [1, 2, {a: 1}]; const alias = v; let u;
const big = 10n ** 30n; const d = new Date(0); const re = /a+/gi; let neg = -0, nan = NaN;
const m = new Map([['k', v]]); const st = new Set([1, v]);
let circ = {self: null}; circ.self = circ;
const frozen = Object.freeze({a: [1]}); const sealed = Object.seal({q: 1});
const sym = Symbol('mine'); const obj = {[sym]: 1, get twice() { return this.x * 2 }, x: 4};
const err = new TypeError('bad', {cause: 'c'});
const ta = new Float64Array([1, 2, 3]); const sub = ta.subarray(1); const buf = Buffer.from('hello');
const bigbuf = new Uint8Array(200000); bigbuf[5] = 7; const bigview = bigbuf.subarray(4, 8);
const url = new URL('http://a/b?c=1'); const holes = [1, , 3];
let rate = 0.2;
function net(x) { return x * (1 - rate); }
const arrow = (x) => net(x) + 1;
class A { static made = 0; constructor(x) { this.x = x; A.made++; } }
class B { constructor(y) { this.y = y; } hi() { return 'hi ' + this.y + this.constructor.name; } static make(y) { return new this(y); } }
class C extends B { constructor(y) { super(y); this.z = 1; } hi() { return super.hi() + '!'; } }
const b = new B(1), c = new C(2), a = new A(3);
B.prototype.extra = function () { return this.y * 10; };
A.made = 42;
function Old(x) { this.x = x; } Old.prototype.get = function () { return this.x; }; const old = new Old(9);
function counter() { let k = 0; return { up() { return ++k; }, get: () => k }; }
const ctr = counter(); ctr.up();
function adder(k) { return (x) => x + k; } const add5 = adder(5), add6 = adder(6);
const bound = net.bind(null, 100);
const lone = (() => { let q = 1; return () => q++; })(); lone();
const p = Promise.resolve(7); const proxy = new Proxy({q: 1}, { get: (t, k) => k === 'z' ? 26 : t[k] });
async function af() { return 3; } function* gf() { yield 1; }
const fs = require('fs'); const { join } = require('path'); const EventEmitter = require('events');
const em = new EventEmitter(); let heard = 0; em.on('x', () => { heard++; });
process.env.MINE = 'yes'; Array.prototype.last = function () { return this[this.length - 1]; };
globalThis.glob = { v }; const rows = Array.from({length: 1000}, (_, i) => ({ id: i, name: 'n' + i }));
class Stack extends Array { top() { return this[this.length - 1]; } } const stk = new Stack(); stk.push(3);
class MyErr extends Error { constructor(m, code) { super(m); this.code = code; } } const me = new MyErr('m', 5);
const fnProp = Object.assign(() => 1, { meta: v });
process.chdir('/tmp');
undefined;
