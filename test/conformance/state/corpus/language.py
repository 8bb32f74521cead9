# State corpus: what the language itself has. Read by run_states.py.
# state: plain values
# cell
import math
n = 42
text = 'héllo\ud83d'
items = [1, 2, {'a': (3, 4)}]
big = 2**200
alias = items
nested = {'x': items}
raw = bytearray(b'abc')
pair = frozenset({1, 2}), {3, 4}
nothing, dots = None, ...
z = 3 + 4j
# probe n: n
# probe text: text
# probe items: items
# probe big: big
# probe alias: (alias.append(9), items[-1])
# probe nested: nested['x'] is items
# probe raw: raw, type(raw)
# probe pair: pair
# probe nothing: nothing is None
# probe dots: dots is Ellipsis
# probe z: z * z
# probe math: math.tau
# state: functions and a changed global
# cell
rate = 0.2
def net(x: float, *, fee=1) -> float:
    """After tax."""
    return x * (1 - rate) - fee
def outer(x):
    return net(x) + helper(x)
def helper(x): return x
double = lambda x: x * 2
# cell
fns = {'net': net, 'double': double}
net.calls = 7
def fact(k): return 1 if k < 2 else k * fact(k - 1)
# probe net: net(10), net.__doc__, net.__annotations__, net.__kwdefaults__, net.calls
# probe outer: outer(10)
# probe rate: (globals().update(rate=0.5), net(10), outer(10))[1:]
# probe helper: (globals().update(helper=lambda x: 100), outer(10))[1]
# probe double: double(4)
# probe fns: fns['net'] is net, fns['double'] is double
# probe fact: fact(10)
# state: closures share cells
# cell
def counter():
    n = 0
    def up():
        nonlocal n
        n += 1
        return n
    def get():
        return n
    return up, get
up, get = counter()
up(); up()
other, _ = counter()
def memo(f):
    seen = {}
    def inner(k):
        if k not in seen:
            seen[k] = f(k)
        return seen[k]
    inner.seen = seen
    return inner
@memo
def fib(k): return k if k < 2 else fib(k - 1) + fib(k - 2)
fib(20)
# probe up: up()
# probe get: get()
# probe other: other()
# probe fib: len(fib.seen), fib(30), len(fib.seen)
# state: classes
# cell
class Base:
    registry = []
    def __init_subclass__(cls, tag=None, **k):
        super().__init_subclass__(**k)
        Base.registry.append(cls)
        cls.tag = tag
class A(Base, tag='a'):
    count = 0
    def __init__(self, x):
        self.x = x
        A.count += 1
    def who(self): return super().__repr__()[:10], __class__.__name__
    @property
    def twice(self): return self.x * 2
    @twice.setter
    def twice(self, v): self.x = v // 2
    @classmethod
    def make(cls, x): return cls(x)
    @staticmethod
    def util(x): return x + 1
class B(A, tag='b'):
    __slots__ = ('y',)
    def __init__(self, x, y):
        super().__init__(x)
        self.y = y
    def __eq__(self, o): return isinstance(o, B) and self.y == o.y
    def __hash__(self): return hash(self.y)
a, b = A(1), B(2, 3)
pool = [a, b, b]
bound = a.who
# probe Base: [c.__name__ for c in Base.registry]
# probe A: A.count, A.tag, A.util(1), A.make(5).x, A.count
# probe B: B.__mro__[1] is A, B(2, 3) == b, {b: 1}[B(0, 3)]
# probe a: a.who()[1], a.twice, setattr(a, 'twice', 10), a.x
# probe b: b.y, b.x, isinstance(b, Base)
# probe pool: pool[1] is pool[2] is b and pool[0] is a
# probe bound: bound.__self__ is a, bound()[1]
# state: dataclasses and enums
# cell
from dataclasses import dataclass, field, replace, fields, asdict
from enum import Enum, IntEnum, Flag, auto
from typing import NamedTuple
from collections import namedtuple
@dataclass(order=True)
class P:
    x: int
    tags: list = field(default_factory=list)
    @property
    def n(self): return len(self.tags)
@dataclass
class Q(P):
    z: int = 5
# cell
@dataclass(frozen=True, slots=True)
class R:
    k: str
    v: float = 1.5
class Color(Enum):
    RED = 1
    GREEN = 'g'
    ROT = 1
    def hi(self): return self.name.lower()
class Planet(Enum):
    EARTH = (5.9, 6.3)
    MARS = (0.6, 3.3)
    def __init__(self, mass, radius):
        self.mass, self.radius = mass, radius
    @property
    def g(self): return round(self.mass / self.radius, 3)
class Level(IntEnum):
    LOW = auto()
    HIGH = auto()
class Perm(Flag):
    R = auto()
    W = auto()
    RW = R | W
class Emp(NamedTuple):
    name: str
    pay: int = 3
Pt = namedtuple('Pt', 'x y', defaults=[0])
p, r, c, e, pt = P(1, ['a']), R('k'), Color.RED, Emp('bob'), Pt(4)
by_color = {Color.RED: 'r', Color.GREEN: 'g'}
perm = Perm.R | Perm.W
# probe p: p, P(1) < P(2), replace(p, x=9), asdict(p), p.n
# probe P: P(1), [f.name for f in fields(P)], P(3).tags is P(3).tags
# probe r: r, hash(r) == hash(R('k')), R('z', 2)
# probe Color: Color.ROT is Color.RED, [m.name for m in Color], Color('g').hi(), list(Color.__members__)
# probe c: c is Color.RED, c.hi()
# probe Planet: Planet.EARTH.g, Planet.MARS.mass, Planet((0.6, 3.3)).name
# probe Level: Level.HIGH > Level.LOW, Level(2), Level.HIGH + 1
# probe perm: perm is Perm.RW, Perm.R in perm, ~Perm.R
# probe e: e, e._replace(pay=4), Emp('x').pay, e.name
# probe pt: pt, Pt(1, 2).y, pt._fields
# probe by_color: by_color[Color.RED], by_color[Color('g')]
# state: abstract, generic and metaclasses
# cell
from abc import ABC, abstractmethod
from typing import Generic, TypeVar, Protocol, NewType
import functools
T = TypeVar('T')
class Shape(ABC):
    @abstractmethod
    def area(self): ...
class Sq(Shape):
    def __init__(self, s): self.s = s
    def area(self): return self.s ** 2
Shape.register(int)
class Box(Generic[T]):
    def __init__(self, v: T): self.v = v
IntBox = Box[int]
class Meta(type):
    made = []
    def __new__(m, name, bases, ns, **k):
        cls = super().__new__(m, name, bases, ns)
        m.made.append(name)
        return cls
    def shout(cls): return cls.__name__.upper()
class M1(metaclass=Meta):
    v = 1
class M2(M1): pass
class Once:
    _one = None
    def __new__(cls):
        if cls._one is None:
            cls._one = super().__new__(cls)
        return cls._one
one = Once()
class Field:
    def __set_name__(self, owner, name): self.name = '_' + name
    def __get__(self, o, t=None): return self if o is None else getattr(o, self.name, 'unset')
    def __set__(self, o, v): setattr(o, self.name, v)
class Rec:
    f = Field()
rec = Rec(); rec.f = 3
UserId = NewType('UserId', int)
class Duck(Protocol):
    def quack(self) -> str: ...
def fails(f):
    try: return f()
    except TypeError: return 'TypeError'
# probe Shape: fails(Shape), isinstance(3, Shape), issubclass(Sq, Shape)
# probe Sq: Sq(3).area()
# probe IntBox: IntBox(3).v, IntBox.__origin__ is Box, IntBox.__args__
# probe Meta: Meta.made, M2.shout()
# probe M1: M2.v, isinstance(M2, Meta)
# probe one: one is Once(), Once._one is one
# probe rec: rec.f, Rec().f, type(Rec.__dict__['f']).__name__
# probe UserId: UserId(3), UserId.__name__
# probe T: Box.__parameters__[0] is T
# probe Duck: Duck.__name__, getattr(Duck, '_is_protocol')
# state: functools
# cell
import functools
from functools import partial, lru_cache, cached_property, singledispatch, wraps, cache
def add(a, b, c=0): return a + b + c
add5 = partial(add, 5, c=1)
@lru_cache(maxsize=10)
def slow(x): return x * 10
slow(3); slow(4)
@cache
def fibo(n): return n if n < 2 else fibo(n - 1) + fibo(n - 2)
fibo(30)
class Circle:
    def __init__(self, r): self.r = r
    @cached_property
    def area(self): return self.r ** 2
    @functools.cache
    def m(self, k): return k + self.r
circle = Circle(3); circle.area
@singledispatch
def show(x): return 'any'
@show.register
def _show_int(x: int): return 'int'
@show.register(list)
def _(x): return 'list'
def deco(f):
    @wraps(f)
    def w(*a): return ('w', f(*a))
    return w
@deco
def hello(n):
    "Says hello."
    return n
compose = functools.reduce(lambda f, g: lambda x: g(f(x)), [lambda x: x + 1, lambda x: x * 2])
# probe add5: add5(1), add5.func is add
# probe slow: slow(3), slow.__wrapped__(2), slow.cache_parameters()['maxsize']
# probe fibo: fibo(40)
# probe circle: circle.area, circle.__dict__.get('area'), circle.m(2)
# probe show: show(3), show([1]), show('x'), sorted(t.__name__ for t in show.registry)
# probe hello: hello(1), hello.__name__, hello.__doc__, hello.__wrapped__(2)
# probe compose: compose(3)
# state: cycles and identity
# cell
import copy
class Node:
    def __init__(self, v): self.v, self.next, self.prev = v, None, None
a, b = Node(1), Node(2)
a.next, b.prev, b.next = b, a, a
loop = [1]; loop.append(loop)
d = {}; d['self'] = d
class Tree:
    def __init__(self): self.kids, self.parent = [], None
    def add(self):
        t = Tree(); t.parent = self; self.kids.append(t); return t
root = Tree(); leaf = root.add().add()
t = ([],); t[0].append(t)
sentinel = object()
registry = {sentinel: 'found'}
keys = {1: 'a'}.keys()
src = {'p': 1}
view = src.keys()
vals = src.values()
# probe a: a.next is b and b.prev is a and b.next is a
# probe loop: loop[1] is loop
# probe d: d['self'] is d
# probe root: root.kids[0].kids[0] is leaf, leaf.parent.parent is root
# probe t: t[0][0] is t
# probe registry: registry[sentinel]
# probe view: (src.update(q=2), sorted(view), sorted(vals))[1:]
# probe keys: list(keys)
# state: collections
# cell
from collections import OrderedDict, defaultdict, Counter, deque, ChainMap, UserDict
od = OrderedDict(a=1, b=2); od.move_to_end('a')
dd = defaultdict(list); dd['x'].append(1)
dl = defaultdict(lambda: 7)
cnt = Counter('abracadabra')
dq = deque([1, 2, 3], maxlen=3)
base = {'k': 1}
cm = ChainMap({'j': 2}, base)
class My(UserDict):
    def __missing__(self, k): return k * 2
my = My(a=1)
class L(list):
    def first(self): return self[0]
ls = L([5, 6]); ls.note = 'n'
from types import SimpleNamespace, MappingProxyType
ns = SimpleNamespace(a=1, b=ls)
ro = MappingProxyType(base)
import heapq, bisect, array
heap = [3, 1, 2]; heapq.heapify(heap)
arr = array.array('d', [1.5, 2.5])
mv = memoryview(bytearray(b'hello world'))
buf = bytearray(b'0123456789')
part = memoryview(buf)[2:5]
# probe od: list(od)
# probe dd: dd['new'], dd['x'], len(dd)
# probe dl: dl['q']
# probe cnt: cnt.most_common(2), cnt['zz']
# probe dq: (dq.append(4), list(dq), dq.maxlen)[1:]
# probe cm: (base.update(k=5), cm['k'], cm['j'])[1:]
# probe my: my['zz'], my['a']
# probe ls: ls.first(), ls.note, type(ls).__name__
# probe ns: ns.b is ls, ns.a
# probe ro: (base.update(new=1), ro['new'])[1]
# probe heap: heapq.heappop(heap)
# probe arr: arr
# probe mv: bytes(mv), mv.readonly, type(mv)
# probe part: (part.__setitem__(0, 65), bytes(buf))[1]
# state: iterators and things in the middle
# cell
import itertools, re
gen = (i * i for i in range(5)); next(gen)
def produce():
    yield 1
    yield 2
running = produce(); next(running)
it = iter([1, 2, 3]); next(it)
zipped = zip([1, 2], 'ab'); next(zipped)
en = enumerate('abc'); next(en)
cnt = itertools.count(5); next(cnt)
rev = reversed([1, 2, 3])
mapped = map(str, [1, 2])
m = re.search(r'(\w)(?P<x>\d)', 'zz a7 b8')
pat = re.compile(r'a+', re.I)
ok = 5
async def co(): return 3
c = co()
coro_fn = co
# probe ok: ok
# probe gen: next(gen)
# probe running: next(running)
# probe it: next(it)
# probe zipped: next(zipped)
# probe en: next(en)
# probe cnt: next(cnt)
# probe rev: next(rev)
# probe mapped: next(mapped)
# probe m: m.group('x'), m.span(), m.string
# probe pat: pat.findall('xAaz'), pat.flags
# probe c: c.cr_frame is not None
# probe coro_fn: coro_fn.__name__
# state: exceptions
# cell
class AppError(Exception):
    def __init__(self, code, *, detail):
        super().__init__(f'code {code}')
        self.code, self.detail = code, detail
try:
    try: 1 / 0
    except ZeroDivisionError as z: raise AppError(5, detail={'k': 1}) from z
except AppError as err:
    caught = err
try: open('/nope')
except OSError as e: oserr = e
try: {}['x']
except KeyError as e: kerr = e
kerr.add_note('a note')
grp = ExceptionGroup('g', [ValueError('v'), TypeError('t')])
try: b'\xff'.decode()
except UnicodeDecodeError as e: uni = e
errors = [caught, oserr]
# probe caught: caught.code, caught.detail, str(caught), type(caught.__cause__).__name__
# probe AppError: str(AppError(1, detail=2)), isinstance(caught, AppError)
# probe oserr: oserr.errno, oserr.filename, str(oserr)
# probe kerr: kerr.args, kerr.__notes__
# probe grp: [type(x).__name__ for x in grp.exceptions], str(grp)
# probe uni: uni.start, uni.reason, uni.object
# probe errors: errors[0] is caught
# state: weak references and caches
# cell
import weakref
class Thing:
    def __init__(self, n): self.n = n
things = [Thing(i) for i in range(3)]
ref = weakref.ref(things[0])
dead = weakref.ref(Thing(9))
wd = weakref.WeakValueDictionary(one=things[1])
wk = weakref.WeakKeyDictionary({things[2]: 'two'})
ws = weakref.WeakSet(things[:2])
class Holder:
    def __init__(self, t): self.t = weakref.ref(t)
h = Holder(things[1])
# probe ref: ref() is things[0]
# probe dead: dead() is None
# probe wd: wd['one'] is things[1]
# probe wk: wk[things[2]]
# probe ws: len(ws), things[0] in ws
# probe h: h.t() is things[1]
# state: typing and aliases
# cell
from typing import Optional, Callable, ParamSpec, Annotated, Literal, TypedDict, Union
type Vec = list[float]
Maybe = Optional[int]
Cb = Callable[[int], str]
An = Annotated[int, 'meta']
Lit = Literal['a', 'b']
PS = ParamSpec('PS')
class TD(TypedDict, total=False):
    a: int
    b: str
U = int | str
def first[K](xs: list[K]) -> K: return xs[0]
td: TD = {'a': 1}
# probe Vec: Vec.__name__, Vec.__value__
# probe Maybe: Maybe
# probe Cb: Cb
# probe An: An.__metadata__
# probe Lit: Lit.__args__
# probe PS: PS.__name__
# probe TD: sorted(TD.__annotations__), TD.__total__
# probe U: isinstance(3, U), U
# probe first: first([3]), [p.__name__ for p in first.__type_params__]
# probe td: td
# state: exec namespaces and dynamic modules
# cell
import types, sys
space = {}
exec('k = 3\ndef get(): return k\nclass C:\n    def m(self): return k', space)
fn = space['get']
mod = types.ModuleType('dyn'); mod.value = 5
exec('def f(): return value', mod.__dict__)
g = globals()
me = sys.modules['__main__']
obj = space['C']()
# probe space: space['k'], space['get']()
# probe fn: (space.update(k=9), fn())[1], fn is space['get']
# probe obj: obj.m(), isinstance(obj, space['C'])
# probe mod: (setattr(mod, 'value', 6), mod.f())[1]
# probe g: g is globals()
# probe me: me is sys.modules['__main__']
