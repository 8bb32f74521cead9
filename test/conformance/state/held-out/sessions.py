# Held-out state corpus: written after the reducers were done, and not used to write them. Read by run_states.py.
# state: csv cleaning
# cell
import pandas as pd, numpy as np, io, re
raw = 'id,name,joined,spend\n1,Ann ,2024-01-03,"1,200"\n2,bob,2024-02-30,35\n3,,2024-03-01,\n'
df = pd.read_csv(io.StringIO(raw))
# cell
def clean_money(s): return float(str(s).replace(',', '')) if pd.notna(s) else np.nan
df['spend'] = df['spend'].map(clean_money)
df['name'] = df['name'].str.strip().str.title()
df['joined'] = pd.to_datetime(df['joined'], errors='coerce')
by_month = df.set_index('joined').resample('MS')['spend'].sum()
missing = df.isna().sum()
mapping = dict(zip(df['id'], df['name']))
pattern = re.compile(r'(?P<y>\d{4})-(?P<m>\d\d)')
pivot = df.pivot_table(index='name', values='spend', aggfunc=['mean', 'sum'])
# probe df: df.to_json(), df.dtypes.astype(str).to_dict()
# probe clean_money: clean_money('3,000')
# probe by_month: by_month.sum(), by_month.index.freqstr
# probe missing: missing.to_dict()
# probe mapping: mapping[1]
# probe pattern: pattern.match('2024-05').groupdict()
# probe pivot: pivot.columns.tolist(), pivot.shape
# state: bank simulation
# cell
from __future__ import annotations
import itertools, random
class InsufficientFunds(Exception):
    def __init__(self, need, have):
        self.need, self.have = need, have
        super().__init__(f'need {need}, have {have}')
class Account:
    _ids = itertools.count(1)
    def __init__(self, owner: str, balance: float = 0):
        self.id = next(Account._ids)
        self.owner, self.__balance = owner, balance
        self.history: list[tuple[str, float]] = []
    @property
    def balance(self): return self.__balance
    def deposit(self, x):
        self.__balance += x
        self.history.append(('in', x))
        return self
    def withdraw(self, x):
        if x > self.__balance: raise InsufficientFunds(x, self.__balance)
        self.__balance -= x
        self.history.append(('out', x))
class Savings(Account):
    rate = 0.02
    def accrue(self): return self.deposit(self.balance * self.rate)
class Bank:
    def __init__(self): self.accounts = {}
    def open(self, kind, *a):
        acc = kind(*a); self.accounts[acc.id] = acc; return acc
    def __iter__(self): return iter(self.accounts.values())
    def __len__(self): return len(self.accounts)
    def __getitem__(self, k): return self.accounts[k]
bank = Bank()
ann = bank.open(Account, 'ann', 100)
bob = bank.open(Savings, 'bob', 50)
ann.deposit(20)
try: bob.withdraw(1000)
except InsufficientFunds as e: failure = e
# cell
Savings.rate = 0.5
events = [lambda: ann.deposit(1), bob.accrue]
# probe bank: len(bank), bank[1] is ann, [a.owner for a in bank]
# probe ann: ann.balance, ann.history
# probe bob: bob.accrue().balance, bob.id
# probe Account: bank.open(Account, 'zed').id
# probe failure: failure.need, failure.have, str(failure)
# probe events: [e().balance for e in events], events[1].__self__ is bob
# probe InsufficientFunds: isinstance(failure, InsufficientFunds)
# state: inventory with descriptors and operators
# cell
from functools import total_ordering
import operator
class Positive:
    def __set_name__(self, owner, name): self.key = name
    def __get__(self, obj, owner=None):
        if obj is None: return self
        return obj.__dict__[self.key]
    def __set__(self, obj, value):
        if value < 0: raise ValueError(self.key)
        obj.__dict__[self.key] = value
@total_ordering
class Item:
    price = Positive()
    qty = Positive()
    def __init__(self, name, price, qty): self.name, self.price, self.qty = name, price, qty
    def __eq__(self, o): return self.price == o.price
    def __lt__(self, o): return self.price < o.price
    def __hash__(self): return hash(self.name)
    def __add__(self, o): return Item(self.name + o.name, self.price + o.price, 1)
    def __call__(self, n): return self.price * n
    def __enter__(self): return self
    def __exit__(self, *a): self.closed = True
    def __format__(self, spec): return f'<{self.name}:{spec}>'
    __slots__ = ('__dict__', '__weakref__')
items = [Item('a', 3, 1), Item('b', 1, 2)]
best = max(items)
index = {it: it.qty for it in items}
keyed = sorted(items, key=operator.attrgetter('price'))
def bad():
    try: items[0].price = -1
    except ValueError as e: return str(e)
# probe items: [i.price for i in items], bad()
# probe best: best is items[0], best >= items[1], best(4)
# probe index: index[items[1]]
# probe keyed: keyed[0] is items[1]
# probe Item: (items[0] + items[1]).name, f'{items[0]:zz}', Item.price.key
# state: state machine and registry decorators
# cell
from enum import Enum, StrEnum, auto, Flag, unique
HANDLERS = {}
def on(event):
    def register(fn):
        HANDLERS.setdefault(event, []).append(fn)
        return fn
    return register
class Light(Enum):
    RED = auto(); GREEN = auto(); AMBER = auto()
    @property
    def next(self): return {Light.RED: Light.GREEN, Light.GREEN: Light.AMBER, Light.AMBER: Light.RED}[self]
    @classmethod
    def start(cls): return cls.RED
class Kind(StrEnum):
    A = 'alpha'; B = 'beta'
class Size(float, Enum):
    S = 0.5; L = 2.5
class Money(Enum):
    EUR = ('€', 2); JPY = ('¥', 0)
    def __new__(cls, sign, digits):
        o = object.__new__(cls); o._value_ = sign; o.digits = digits; return o
@on('tick')
def tick(m): m['n'] += 1
@on('tick')
def log(m): m.setdefault('log', []).append(m['n'])
def fire(event, m):
    for h in HANDLERS[event]: h(m)
    return m
memory = {'n': 0}; fire('tick', memory)
current = Light.GREEN
flags = {k: k.value for k in Kind}
# probe Light: [l.next.name for l in Light], Light.start() is Light.RED, Light['AMBER'], Light(1)
# probe current: current.next is Light.AMBER, current in {Light.GREEN}
# probe Kind: Kind('beta') is Kind.B, Kind.A == 'alpha', f'{Kind.A}'
# probe Size: Size.L * 2, Size(0.5).name
# probe Money: Money('€').digits, Money.JPY.value, [m.name for m in Money]
# probe HANDLERS: HANDLERS['tick'] == [tick, log]
# probe memory: fire('tick', memory)
# probe flags: flags[Kind.A]
# state: async work
# cell
import asyncio
results = []
async def fetch(i):
    await asyncio.sleep(0)
    results.append(i)
    return i * 2
class Pool:
    def __init__(self): self.sem = asyncio.Semaphore(2); self.done = 0
    async def run(self, i):
        async with self.sem:
            self.done += 1
            return await fetch(i)
pool = Pool()
queue = asyncio.Queue(); queue.put_nowait('job')
event = asyncio.Event(); event.set()
# cell
out = await asyncio.gather(*(pool.run(i) for i in range(3)))
# cell
async def agen():
    for i in range(3): yield i
pending = fetch(9)
stream = agen()
def sync(c): return asyncio.new_event_loop().run_until_complete(c)
# probe results: results
# probe out: out
# probe fetch: sync(fetch(5))
# probe pool: pool.done, sync(pool.run(1))
# probe queue: queue.get_nowait()
# probe event: event.is_set()
# probe pending: sync(pending)
# probe agen: agen.__name__
# probe stream: sync(stream.__anext__())
# state: numerical experiment
# cell
import numpy as np
np.random.seed(42)
W = np.random.randn(4, 3); b = np.zeros(3)
params = {'W': W, 'b': b}
def forward(x): return np.tanh(x @ params['W'] + params['b'])
class SGD:
    def __init__(self, params, lr): self.params, self.lr, self.state = params, lr, {k: np.zeros_like(v) for k, v in params.items()}
    def step(self, grads):
        for k in self.params: self.params[k] -= self.lr * grads[k]
opt = SGD(params, 0.1)
losses = []
for _ in range(3):
    losses.append(float(forward(np.ones((2, 4))).sum()))
    opt.step({'W': np.ones((4, 3)), 'b': np.ones(3)})
X = np.lib.stride_tricks.sliding_window_view(np.arange(10.0), 3)
first_row = W[0]
poly = np.poly1d([1, 2, 3]); gridx, gridy = np.meshgrid(np.arange(3), np.arange(2))
rec = np.rec.array([(1, 2.0)], dtype=[('a', int), ('b', float)])
fn = np.vectorize(lambda v: v + 1)
it = np.nditer(np.arange(3)); idx = np.ix_([0, 1], [1])
st = np.random.get_state()[1][:3]
bits = np.packbits([1, 0, 1])
# probe params: params['W'] is W, params['b'].tolist()
# probe opt: (opt.step({'W': np.ones((4, 3)), 'b': np.ones(3)}), W[0, 0].round(6), first_row[0].round(6))[1:]
# probe forward: forward(np.ones(4)).round(6).tolist()
# probe losses: losses
# probe X: X.shape, X[2].tolist(), X.flags.writeable
# probe poly: poly(2), poly.deriv()
# probe gridx: gridx.sum(), gridy.shape
# probe rec: rec.a[0], type(rec).__name__
# probe fn: fn(np.arange(3)).tolist()
# probe idx: W[idx].shape
# probe bits: bits
# probe np: np.random.rand().__round__(9)
# state: plots in progress
# cell
import matplotlib.pyplot as plt, numpy as np, matplotlib as mpl
from mpl_toolkits.mplot3d import Axes3D
import seaborn as sns
sns.set_theme(style='whitegrid')
x = np.linspace(0, 1, 5)
fig, axes = plt.subplots(1, 2, figsize=(4, 2))
bars = axes[0].bar(['a', 'b'], [1, 2]); axes[1].scatter(x, x ** 2, c='r')
axes[0].annotate('top', (0, 1)); leg = axes[1].legend(['s'])
fig.suptitle('Both')
cmap = mpl.colormaps['viridis']
palette = sns.color_palette('deep', 3)
norm = mpl.colors.LogNorm(1, 10)
fig3 = plt.figure(); ax3 = fig3.add_subplot(projection='3d'); ax3.plot([0, 1], [0, 1], [0, 1])
def style(ax, title='t'):
    ax.set_title(title); return ax
cycle = plt.rcParams['axes.prop_cycle']
# probe fig: fig._suptitle.get_text(), len(fig.axes), fig.get_size_inches().tolist()
# probe axes: axes[0] is fig.axes[0], style(axes[1]).get_title()
# probe bars: [p.get_height() for p in bars], bars[0] in axes[0].patches
# probe leg: leg.get_texts()[0].get_text()
# probe cmap: cmap(0.5), cmap.name
# probe palette: palette[0]
# probe norm: norm(5).round(4)
# probe ax3: ax3.name, len(ax3.lines)
# probe cycle: cycle.by_key()['color'][0]
# probe plt: plt.rcParams['axes.grid'], plt.rcParams['axes.edgecolor']
# state: text processing
# cell
import re, json, collections, textwrap, difflib, unicodedata, string, html, base64, zlib, gzip, pickle, xml.etree.ElementTree as ET
corpus = ['the cat sat', 'the dog ran', 'a cat ran']
tokens = [t for line in corpus for t in line.split()]
freq = collections.Counter(tokens)
vocab = {w: i for i, (w, _) in enumerate(freq.most_common())}
index = collections.defaultdict(set)
for n, line in enumerate(corpus):
    for t in line.split(): index[t].add(n)
ngrams = collections.defaultdict(lambda: collections.defaultdict(int))
for a, b in zip(tokens, tokens[1:]): ngrams[a][b] += 1
table = str.maketrans('abc', 'xyz')
matcher = difflib.SequenceMatcher(None, 'abcd', 'bcde')
wrap = textwrap.TextWrapper(width=10)
blob = gzip.compress(b'hello'); dump = pickle.dumps(freq)
comp = zlib.compressobj()
dec = json.JSONDecoder(object_hook=lambda d: tuple(d.items()))
class Trie:
    def __init__(self): self.kids, self.end = {}, False
    def add(self, w):
        node = self
        for c in w: node = node.kids.setdefault(c, Trie())
        node.end = True
    def __contains__(self, w):
        node = self
        for c in w:
            if c not in node.kids: return False
            node = node.kids[c]
        return node.end
trie = Trie()
for w in vocab: trie.add(w)
matches = list(re.finditer(r'\w+', 'ab cd'))
scan = re.finditer(r'\w', 'abc')
fmt = string.Formatter()
# probe freq: freq['cat'], freq.total()
# probe vocab: vocab['the']
# probe index: sorted(index['cat']), index['none']
# probe ngrams: ngrams['the']['cat'], ngrams['zz']['yy']
# probe table: 'aabbcc'.translate(table)
# probe matcher: matcher.ratio()
# probe wrap: wrap.wrap('hello big world')
# probe blob: gzip.decompress(blob), pickle.loads(dump) == freq
# probe comp: type(comp).__name__
# probe dec: dec.decode('{"a": 1}')
# probe trie: 'cat' in trie, 'ca' in trie
# probe matches: [m.group() for m in matches]
# probe scan: next(scan).group()
# probe fmt: fmt.format('{0:>3}', 1)
# state: games and recursion
# cell
import sys, random, copy, heapq, time
from collections import namedtuple, deque
random.seed(11)
Point = namedtuple('Point', ['x', 'y'])
Move = namedtuple('Move', 'src dst')
class Board:
    SIZE = 3
    def __init__(self): self.cells = [[None] * self.SIZE for _ in range(self.SIZE)]
    def __getitem__(self, p): return self.cells[p.y][p.x]
    def __setitem__(self, p, v): self.cells[p.y][p.x] = v
    def copy(self): return copy.deepcopy(self)
    def __str__(self): return '\n'.join(''.join(c or '.' for c in r) for r in self.cells)
board = Board(); board[Point(1, 1)] = 'X'
before = board.copy()
board[Point(0, 0)] = 'O'
grid = {Point(i, j): (i + j) % 2 for i in range(3) for j in range(3)}
frontier = [(0, Point(0, 0)), (2, Point(1, 1))]; heapq.heapify(frontier)
seen = {Point(0, 0)}
trail = deque([Move(Point(0, 0), Point(1, 0))], maxlen=5)
deck = list(range(52)); random.shuffle(deck)
players = {'a': {'hand': deck[:5]}, 'b': {'hand': deck[5:10]}}
def ack(m, n): return n + 1 if m == 0 else ack(m - 1, 1) if n == 0 else ack(m - 1, ack(m, n - 1))
memo = {}
def ways(n):
    if n < 2: return 1
    if n not in memo: memo[n] = ways(n - 1) + ways(n - 2)
    return memo[n]
ways(50)
chain = None
for i in range(800): chain = {'v': i, 'next': chain}
# probe board: str(board), board[Point(1, 1)]
# probe before: str(before)
# probe grid: grid[Point(1, 2)]
# probe frontier: heapq.heappop(frontier)[1].x
# probe seen: Point(0, 0) in seen
# probe trail: trail[0].dst.x, trail.maxlen
# probe deck: deck[:5] == players['a']['hand'], deck[0]
# probe ack: ack(2, 3)
# probe ways: ways(60), len(memo)
# probe chain: chain['v'], chain['next']['next']['v']
# probe random: random.choice(range(10**6)), random.sample(range(100), 3)
# state: parsing and tiny interpreters
# cell
import ast, tokenize, io, dis, operator, types
OPS = {ast.Add: operator.add, ast.Mult: operator.mul}
def ev(n):
    match n:
        case ast.Expression(body): return ev(body)
        case ast.Constant(value): return value
        case ast.BinOp(left, op, right): return OPS[type(op)](ev(left), ev(right))
tree = ast.parse('2 + 3 * 4', mode='eval')
code = compile('y * 2', '<s>', 'eval')
env = {'y': 21}
made = types.FunctionType(compile('def f(): return 7', 'x', 'exec').co_consts[0], globals())
cls = type('Dyn', (object,), {'k': 5, 'get': lambda self: self.k})
dyn = cls()
class Stack(list):
    push = list.append
    @property
    def top(self): return self[-1]
stack = Stack(); stack.push(3)
class Lazy:
    def __getattr__(self, n):
        if n.startswith('x_'): return n[2:]
        raise AttributeError(n)
lazy = Lazy()
class Proxy:
    def __init__(self, t): object.__setattr__(self, '_t', t)
    def __getattribute__(self, n):
        t = object.__getattribute__(self, '_t')
        return getattr(t, n)
    def __setattr__(self, n, v): setattr(object.__getattribute__(self, '_t'), n, v)
class Target: v = 4
target = Target(); proxy = Proxy(target)
# probe tree: ev(tree)
# probe ev: ev(ast.parse('1+1', mode='eval'))
# probe code: eval(code, env)
# probe made: made()
# probe dyn: dyn.get(), type(dyn).__name__, isinstance(dyn, cls)
# probe stack: stack.top, type(stack).__name__
# probe lazy: lazy.x_hi
# probe proxy: proxy.v, (setattr(proxy, 'v', 9), target.v)[1]
# state: a small web of objects
# cell
import weakref, uuid, datetime as dt, decimal
from dataclasses import dataclass, field, KW_ONLY, InitVar
from typing import ClassVar, Self
@dataclass(eq=False)
class User:
    name: str
    _: KW_ONLY
    email: str = ''
    tags: set = field(default_factory=set, repr=False)
    count: ClassVar[int] = 0
    secret: InitVar[str] = None
    def __post_init__(self, secret):
        User.count += 1
        self.hash = len(secret or '')
@dataclass(unsafe_hash=True)
class Order:
    user: User = field(hash=False, compare=False)
    total: decimal.Decimal = decimal.Decimal('0')
    at: dt.datetime = field(default=dt.datetime(2024, 1, 1), compare=False)
    id: uuid.UUID = field(default_factory=lambda: uuid.UUID(int=7))
@dataclass(eq=False)
class Admin(User):
    level: int = field(default=1, kw_only=True)
u = User('ann', email='a@x', secret='abc')
adm = Admin('root', level=9)
orders = [Order(u, decimal.Decimal('9.90')), Order(adm)]
u.orders = orders
back = weakref.WeakValueDictionary({'u': u})
subs = {u.name: weakref.WeakSet([adm])}
on_gone = []
fin = weakref.finalize(u, on_gone.append, 'gone')
callback = weakref.WeakMethod(u.__post_init__)
# probe u: u, u.hash, u.orders[0].user is u
# probe User: User.count, User('z', secret='q').hash, User.count, User('y').tags
# probe adm: adm, adm.level, isinstance(adm, User)
# probe orders: orders[0].total + 1, orders[0] == Order(u, decimal.Decimal('9.90')), hash(orders[1]) == hash(Order(adm))
# probe back: back['u'] is u
# probe subs: adm in subs['ann']
# probe fin: fin.alive
# probe callback: callback()('xyz'), u.hash
# state: machine learning report
# cell
import numpy as np, pandas as pd
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.tree import DecisionTreeClassifier
from sklearn.metrics import confusion_matrix, make_scorer, f1_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import OneHotEncoder
rs = np.random.RandomState(0)
X = rs.rand(60, 4); y = (X[:, 0] > .5).astype(int)
class Scale(BaseEstimator, TransformerMixin):
    def __init__(self, k=2): self.k = k
    def fit(self, X, y=None): return self
    def transform(self, X): return X * self.k
km = KMeans(2, n_init=1, random_state=0).fit(X)
pca = PCA(2).fit(X)
gs = GridSearchCV(DecisionTreeClassifier(random_state=0), {'max_depth': [1, 2]}, cv=StratifiedKFold(2)).fit(X, y)
scaler = Scale(3).fit(X)
cm = confusion_matrix(y, gs.predict(X))
ct = ColumnTransformer([('o', OneHotEncoder(), ['c'])]).fit(pd.DataFrame({'c': ['a', 'b']}))
scorer = make_scorer(f1_score)
report = {'best': gs.best_params_, 'cm': cm, 'model': gs.best_estimator_}
# probe km: km.predict(X[:3]).tolist()
# probe pca: pca.transform(X[:1]).round(5).tolist()
# probe gs: gs.best_params_, gs.predict(X[:4]).tolist()
# probe scaler: scaler.transform(np.ones((1, 4))).tolist(), scaler.get_params()
# probe cm: cm.tolist()
# probe ct: ct.transform(pd.DataFrame({'c': ['b']})).tolist()
# probe scorer: scorer(gs, X, y)
# probe report: report['model'] is gs.best_estimator_, report['cm'] is cm
# probe rs: rs.rand().__round__(9)
# state: unusual callables
# cell
import functools, operator, contextlib, types
def make_adders():
    return [lambda x, n=n: x + n for n in range(3)]
adders = make_adders()
def late(): return [lambda: i for i in range(3)]
lates = late()
class Callable:
    def __call__(self, *a, **k): return a, k
call = Callable()
method = str.upper
bound = 'abc'.replace
append = (target_list := []).append
curry = functools.partial(functools.partial(pow, 2), mod=7) if False else functools.partial(pow, 2)
@contextlib.contextmanager
def scope(name):
    log.append(f'in {name}')
    yield name
    log.append(f'out {name}')
log = []
stack = contextlib.ExitStack(); stack.callback(log.append, 'closed')
class Multi:
    @functools.singledispatchmethod
    def go(self, x): return 'obj'
    @go.register
    def _(self, x: int): return 'int'
    @functools.lru_cache
    def heavy(self, n): return n * 2
    pm = functools.partialmethod(lambda self, a, b: (a, b), 1)
multi = Multi()
ops = [operator.add, operator.itemgetter(1), operator.methodcaller('upper'), len, print, max]
def timed(f=None, *, n=1):
    if f is None: return functools.partial(timed, n=n)
    @functools.wraps(f)
    def w(*a, **k):
        w.calls += 1
        return [f(*a, **k) for _ in range(n)]
    w.calls = 0
    return w
@timed(n=2)
def hi(x): return x
hi(1)
rec = lambda n: 1 if n == 0 else n * rec(n - 1)
def gen_fn(): yield from range(2)
# probe adders: [a(10) for a in adders]
# probe lates: [l() for l in lates], lates[0].__closure__[0] is lates[1].__closure__[0]
# probe call: call(1, k=2)
# probe method: method('x')
# probe bound: bound('a', 'z')
# probe append: (append(4), target_list)[1]
# probe scope: scope('q').__enter__(), log[-1]
# probe stack: stack.close(), log[-1]
# probe multi: multi.go(1), multi.go('s'), multi.heavy(4), multi.pm(2)
# probe ops: ops[0](1, 2), ops[1]('ab'), ops[2]('x'), ops[3] is len
# probe hi: hi(5), hi.calls
# probe rec: rec(5)
# probe gen_fn: list(gen_fn())
# state: logs and resources
# cell
import logging, tempfile, zipfile, os, io, shutil, pathlib, configparser, argparse, threading, queue, time
logger = logging.getLogger('job'); logger.setLevel('INFO')
buf = io.StringIO()
handler = logging.StreamHandler(buf); handler.setFormatter(logging.Formatter('%(levelname)s %(message)s'))
logger.addHandler(handler); logger.propagate = False
logger.info('one')
fh = logging.FileHandler('job.log'); logger.addHandler(fh); logger.warning('two')
tmp = tempfile.NamedTemporaryFile()
tdir = tempfile.mkdtemp()
zf = zipfile.ZipFile('a.zip', 'w'); zf.writestr('x', 'y'); zf.close()
zr = zipfile.ZipFile('a.zip')
cfg = configparser.ConfigParser(); cfg.read_string('[s]\nk = 1\n')
ap = argparse.ArgumentParser(prog='p'); ap.add_argument('--n', type=int, default=3)
args = ap.parse_args([])
here = pathlib.Path('.').resolve()
timer = threading.Timer(100, print); barrier = threading.Barrier(1)
jobs = queue.PriorityQueue(); jobs.put((2, 'b')); jobs.put((1, 'a'))
lock = threading.Lock()
with lock: snapshot_inside = lock.locked()
binf = open('bin.dat', 'wb+'); binf.write(b'abc'); binf.flush()
reader = open('job.log'); lines = reader.readlines()
# probe logger: logger.info('three'), buf.getvalue(), logger.propagate
# probe buf: logger.handlers[0].stream is buf
# probe fh: open('job.log').read().split()
# probe tmp: os.path.exists(tmp.name)
# probe zr: zr.read('x')
# probe cfg: cfg['s'].getint('k')
# probe ap: ap.parse_args(['--n', '5']).n
# probe args: args.n
# probe here: here == pathlib.Path('.').resolve()
# probe timer: type(timer).__name__
# probe barrier: barrier.wait()
# probe jobs: jobs.get_nowait()
# probe lock: lock.acquire(False)
# probe binf: binf.read()
# probe reader: reader.read(), lines
# state: geometry and units
# cell
import math, cmath, fractions, statistics, numbers, array, struct, bisect
class Vec:
    __slots__ = ('x', 'y')
    __match_args__ = ('x', 'y')
    def __init__(self, x, y): self.x, self.y = x, y
    def __add__(self, o): return Vec(self.x + o.x, self.y + o.y)
    def __rmul__(self, k): return Vec(k * self.x, k * self.y)
    def __abs__(self): return math.hypot(self.x, self.y)
    def __repr__(self): return f'Vec({self.x}, {self.y})'
    def __eq__(self, o): return (self.x, self.y) == (o.x, o.y)
    def __hash__(self): return hash((self.x, self.y))
    def __iter__(self): yield from (self.x, self.y)
ORIGIN = Vec(0, 0)
class Temperature(float):
    unit = 'C'
    def __new__(cls, v, unit='C'):
        o = super().__new__(cls, v); o.unit = unit; return o
class Meters(int): pass
class Path(str):
    def __truediv__(self, o): return Path(f'{self}/{o}')
class Frozen(tuple):
    def __new__(cls, *a): return super().__new__(cls, a)
    @property
    def head(self): return self[0]
pts = {Vec(1, 2): 'p', ORIGIN: 'o'}
t = Temperature(36.6, 'F'); m = Meters(5); p = Path('a') / 'b'; fz = Frozen(1, 2, 3)
packer = struct.Struct('<if'); arr = array.array('i', range(5))
nan = float('nan'); inf = -math.inf; neg0 = -0.0
nans = [nan, nan]
# probe ORIGIN: abs(ORIGIN + Vec(3, 4)), 2 * Vec(1, 1), list(ORIGIN)
# probe pts: pts[Vec(1, 2)], pts[ORIGIN]
# probe t: t + 1, t.unit, type(t).__name__
# probe m: m + 1, type(m).__name__
# probe p: p / 'c', type(p).__name__
# probe fz: fz.head, fz, type(fz).__name__
# probe packer: packer.pack(1, 2.0), packer.size
# probe arr: arr.tolist()
# probe nans: nans[0] is nans[1] is nan
# probe neg0: math.copysign(1, neg0), inf
# state: web data
# cell
import json, urllib.parse, http, html.parser, datetime, hashlib, hmac, secrets, email.message, http.cookies, requests
from bs4 import BeautifulSoup
import jinja2, yaml, markdown
doc = json.loads('{"items": [{"id": 1, "t": "2024-01-01T00:00:00Z"}, {"id": 2, "t": null}]}')
class P(html.parser.HTMLParser):
    def __init__(self): super().__init__(); self.tags = []
    def handle_starttag(self, tag, attrs): self.tags.append(tag)
parser = P(); parser.feed('<a><b>')
soup = BeautifulSoup('<ul><li>1</li><li>2</li></ul>', 'html.parser')
lis = soup.find_all('li')
env = jinja2.Environment(); tpl = env.from_string('Hi {{ n }}')
session = requests.Session(); session.headers['X'] = '1'
req = requests.Request('GET', 'http://x/y', params={'a': 1}).prepare()
msg = email.message.EmailMessage(); msg['Subject'] = 's'; msg.set_content('body')
cookie = http.cookies.SimpleCookie(); cookie['k'] = 'v'
conf = yaml.safe_load('a: [1, 2]\nb: {c: d}')
status = http.HTTPStatus.NOT_FOUND
mac = hmac.new(b'k', b'm', 'sha256').hexdigest()
# probe doc: doc['items'][0]['id']
# probe parser: (parser.feed('<i>'), parser.tags)[1]
# probe soup: len(soup.find_all('li'))
# probe lis: [l.text for l in lis], lis[0].parent.name
# probe tpl: tpl.render(n='x')
# probe session: session.headers['X']
# probe req: req.url
# probe msg: msg['Subject'], msg.get_content()
# probe cookie: cookie['k'].value
# probe conf: conf
# probe status: status is http.HTTPStatus.NOT_FOUND
# probe mac: mac[:6]
# state: time series and geo
# cell
import pandas as pd, numpy as np, datetime as dt, zoneinfo
from scipy import signal, spatial, stats, optimize, interpolate
import statsmodels.api as sm
idx = pd.date_range('2024-01-01', periods=48, freq='h', tz='Europe/Paris')
ts = pd.Series(np.sin(np.arange(48) / 4), index=idx, name='temp')
ew = ts.ewm(span=5).mean()
shifted = ts.shift(1); win = ts['2024-01-02']
tree = spatial.cKDTree(np.random.default_rng(1).random((50, 2)))
b, a = signal.butter(2, 0.2); sos = signal.butter(2, .1, output='sos')
kde = stats.gaussian_kde(np.arange(10.0))
ols = sm.OLS(np.arange(10.0) * 2 + 1, sm.add_constant(np.arange(10.0))).fit()
f = interpolate.interp1d([0, 1, 2], [0, 1, 4])
hull = spatial.ConvexHull(np.array([[0, 0], [1, 0], [0, 1], [.2, .2]]))
td = pd.Timedelta('1h'); off = pd.offsets.BMonthEnd(); cats = pd.CategoricalDtype(['a', 'b'], ordered=True)
multi = pd.concat({'a': ts.head(2), 'b': ts.tail(2)})
store = {'frames': [ts.to_frame(), ew.to_frame()]}
# probe ts: ts.index.tz.key if hasattr(ts.index.tz, 'key') else str(ts.index.tz), ts.sum().round(6), ts.index.freqstr
# probe ew: ew.iloc[-1].round(6)
# probe win: len(win), win.name
# probe tree: tree.query([.5, .5])[1]
# probe b: b.round(5).tolist(), a.round(5).tolist(), sos.shape
# probe kde: kde(4.5).round(5)
# probe ols: ols.params.round(6).tolist(), round(ols.rsquared, 6)
# probe f: float(f(1.5))
# probe hull: hull.volume
# probe td: td * 2, off.name
# probe cats: cats.ordered, cats.categories.tolist()
# probe multi: multi.index.nlevels, len(multi)
# probe store: store['frames'][0]['temp'].iloc[1].round(6)
# state: magics and shell
# cell
%precision 3
files = !echo one two
count = 3
# cell
%%writefile note.txt
content
# cell
import os
text = open('note.txt').read()
%env MODE=fast
%alias hey echo hey
from IPython.display import HTML, Markdown, Image
h = HTML('<b>x</b>'); md = Markdown('# t')
shape = count
last = Out
# cell
count * 2
# cell
_ + 1
# probe files: list(files), files.s
# probe text: text.strip()
# probe h: h.data
# probe os: os.environ['MODE']
# probe last: last is Out, Out[5] if 5 in Out else sorted(Out)
# probe _: _
# probe count: count
# state: subclassed built-ins and protocols
# cell
import collections.abc as cabc, numbers, typing, abc
class Bag(cabc.MutableSet):
    def __init__(self, it=()): self._d = dict.fromkeys(it, 1)
    def __contains__(self, x): return x in self._d
    def __iter__(self): return iter(self._d)
    def __len__(self): return len(self._d)
    def add(self, x): self._d[x] = 1
    def discard(self, x): self._d.pop(x, None)
class Default(dict):
    def __init__(self, make, *a): super().__init__(*a); self.make = make
    def __missing__(self, k):
        v = self[k] = self.make(k); return v
class Cursor:
    def __init__(self, data): self.data, self.at = data, 0
    def __iter__(self): return self
    def __next__(self):
        if self.at >= len(self.data): raise StopIteration
        self.at += 1
        return self.data[self.at - 1]
class Plugin(abc.ABC):
    plugins = {}
    def __init_subclass__(cls, /, key, **k): super().__init_subclass__(**k); Plugin.plugins[key] = cls
    @abc.abstractmethod
    def run(self): ...
class Up(Plugin, key='up'):
    def run(self): return 'UP'
class Down(Plugin, key='down'):
    def run(self): return 'down'
class Singleton(type):
    _inst = {}
    def __call__(cls, *a):
        if cls not in cls._inst: cls._inst[cls] = super().__call__(*a)
        return cls._inst[cls]
class Conf(metaclass=Singleton):
    def __init__(self): self.v = 1
conf = Conf(); conf.v = 7
bag = Bag([1, 2]); d = Default(lambda k: k * 2, {'a': 'z'}); cur = Cursor([5, 6, 7]); next(cur)
plugins = {k: v() for k, v in Plugin.plugins.items()}
# probe bag: (bag | Bag([3])).__len__(), 2 in bag, bag.discard(2), len(bag)
# probe d: d['q'], d['a'], len(d)
# probe cur: next(cur)
# probe plugins: sorted((k, v.run()) for k, v in plugins.items())
# probe Plugin: sorted(Plugin.plugins), Plugin.plugins['up'] is Up, Plugin.__abstractmethods__
# probe conf: Conf() is conf, conf.v
# state: very ordinary numbers
# cell
prices = [19.99, 5.49, 3.5]
quantities = [2, 10, 4]
total = sum(p * q for p, q in zip(prices, quantities))
tax_rate = 0.19
def with_tax(amount, rate=None):
    return round(amount * (1 + (tax_rate if rate is None else rate)), 2)
invoice = {'lines': list(zip(prices, quantities)), 'total': total, 'gross': with_tax(total)}
# cell
tax_rate = 0.07
average = total / len(prices)
names = ['x', 'y']; a, *rest = [1, 2, 3]
is_big = total > 50
ratio = 1 / 3
matrix = [[i * j for j in range(4)] for i in range(4)]
row = matrix[1]
matrix.append(row)
# probe total: total
# probe with_tax: with_tax(100), (globals().update(tax_rate=1), with_tax(100))[1]
# probe invoice: invoice
# probe average: average
# probe rest: a, rest
# probe is_big: is_big is True
# probe matrix: (row.append(9), matrix[1][-1], matrix[-1] is row)[1:]
# state: big and mixed
# cell
import numpy as np, pandas as pd, array, io
big = np.random.default_rng(3).integers(0, 100, 400_000)
f32 = big.astype('f4'); window = f32[1000:2000]; mat = f32.reshape(400, 1000)
frame = pd.DataFrame({'k': big % 7, 'v': f32, 's': pd.Categorical.from_codes(big % 3, ['a', 'b', 'c'])})
agg = frame.groupby('k', observed=True)['v'].mean()
words = [f'word{i}' for i in range(20_000)]
lookup = {w: i for i, w in enumerate(words)}
payload = bytes(300_000); mutable = bytearray(200_000); mutable[0] = 7
view = memoryview(mutable); text = 'é' * 300_000
nested = {'arr': f32, 'frame': frame, 'win': window}
ints = set(range(10_000)); arr = array.array('d', bytes(800_000))
stream = io.BytesIO(payload); stream.seek(5)
# probe big: int(big.sum())
# probe window: (window.__setitem__(0, -1), float(f32[1000]), float(mat[1, 0]))[1:]
# probe frame: frame['v'].sum() > 0, frame['s'].cat.categories.tolist(), frame.shape
# probe agg: agg.round(3).tolist()
# probe lookup: lookup['word19999']
# probe payload: len(payload)
# probe view: (view.__setitem__(1, 9), mutable[1], view.nbytes)[1:]
# probe text: len(text), text[-1]
# probe nested: nested['arr'] is f32, nested['frame'] is frame, nested['win'] is window
# probe ints: len(ints)
# probe arr: len(arr), arr[0]
# probe stream: stream.tell()
# state: errors on the way
# cell
x = 1
# cell fails
y = undefined_name + 1
# cell
def risky(n):
    if n < 0: raise ValueError('negative')
    return n ** .5
try: risky(-1)
except ValueError as exc: saved = exc
import traceback, sys
trace = traceback.format_exception(saved)
tb = saved.__traceback__
stack = traceback.extract_stack()
class Retry(Exception):
    attempts = 0
    def __str__(self): return f'retry {self.attempts}'
err = Retry('a', 1); err.attempts = 3
handlers = {ValueError: lambda e: 'v', KeyError: lambda e: 'k'}
warn = UserWarning('w')
frame = sys._getframe()
# probe x: x
# probe risky: risky(4)
# probe saved: saved.args, type(saved).__name__
# probe trace: trace[-1].strip()
# probe tb: tb.tb_lineno
# probe err: str(err), err.args
# probe handlers: handlers[type(saved)](saved)
# probe warn: warn.args
# probe frame: frame.f_lineno > 0
