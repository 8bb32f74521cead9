# State corpus: numbers, tables, figures and models. Read by run_states.py.
# state: arrays and views
# cell
import numpy as np
a = np.arange(12.0)
v = a[2:6]
m = a.reshape(3, 4)
t = m.T
back = a[::-1]
col = m[:, 1]
own = a.copy()
big = np.zeros((300, 300)); corner = big[:2, :2]
ro = np.arange(3); ro.flags.writeable = False
rec = np.array([(1, 'x')], dtype=[('n', 'i4'), ('s', 'U3')])
names = rec['s']
obj = np.array([{'k': 1}, None, 'x'], dtype=object); objv = obj[:2]
f = np.asfortranarray(np.arange(6).reshape(2, 3))
masked = np.ma.array([1, 2, 3], mask=[0, 1, 0])
dates = np.array(['2024-01-01', 'NaT'], dtype='datetime64[D]')
zero = np.array(5.0); empty = np.empty((0, 3)); scalar = np.float32(1.5)
strs = np.array(['a', 'bb']); cplx = np.array([1 + 2j])
raw = bytearray(16); over = np.frombuffer(raw, dtype='i4')
class Arr(np.ndarray): pass
sub = np.arange(3).view(Arr)
broad = np.broadcast_to(np.arange(3), (2, 3))
mat = np.matrix([[1, 2]])
# probe v: (v.__setitem__(0, 99), a[2], m[0, 2])[1:]
# probe m: m.shape, np.shares_memory(a, m)
# probe t: np.shares_memory(t, a), t[0, 0], t.strides
# probe back: back[0], np.shares_memory(back, a)
# probe col: col.tolist(), np.shares_memory(col, m)
# probe own: np.shares_memory(own, a), own.sum()
# probe corner: (corner.fill(7), big[1, 1], big.sum())[1:]
# probe ro: ro.flags.writeable, ro.sum()
# probe rec: rec['n'], rec.dtype
# probe names: np.shares_memory(names, rec)
# probe obj: obj[0] is objv[0], (objv.__setitem__(1, 'set'), obj[1])[1]
# probe f: f.flags.f_contiguous, f.sum(axis=0)
# probe masked: masked.sum(), masked.mask
# probe dates: dates
# probe zero: zero, zero.shape
# probe empty: empty.shape
# probe scalar: scalar, type(scalar)
# probe strs: strs, strs.dtype
# probe over: (raw.__setitem__(0, 5), over[0])[1]
# probe sub: type(sub).__name__, sub.sum()
# probe broad: broad.tolist(), broad.flags.writeable
# probe mat: mat * mat.T
# state: tables
# cell
import pandas as pd, numpy as np
df = pd.DataFrame({'a': [1, 2, 3], 'b': ['x', 'y', None], 'c': pd.to_datetime(['2024-01-01', '2024-01-02', None])})
df2 = df
s = df['a']
df['d'] = df['a'] * 2
df.attrs['src'] = 'me'
g = df.groupby('b')
cat = pd.Series(['lo', 'hi', 'lo'], dtype='category')
mi = pd.MultiIndex.from_product([[1, 2], ['a', 'b']], names=['n', 'l'])
wide = pd.DataFrame(np.arange(8).reshape(4, 2), index=mi, columns=['p', 'q'])
ts = pd.Series(range(5), index=pd.date_range('2024-01-01', periods=5, freq='D'))
nul = pd.array([1, None, 3], dtype='Int64')
per = pd.Period('2024-01'); iv = pd.interval_range(0, 3)
big = pd.DataFrame({'x': np.arange(50_000), 'y': np.arange(50_000) * 1.5})
half = big.iloc[:10]
rollw = ts.rolling(2)
stringdf = pd.DataFrame({'s': pd.array(['a', 'b'], dtype='string')})
sp = pd.DataFrame({'v': pd.arrays.SparseArray([0, 0, 1])})
mask = df['a'] > 1
loc = df.loc
# probe df: df.to_dict('list'), df.dtypes.astype(str).tolist(), df.attrs
# probe df2: df2 is df
# probe s: s.sum(), s.name
# probe g: g['a'].sum().to_dict()
# probe cat: cat.cat.categories.tolist(), cat.cat.codes.tolist()
# probe wide: wide.loc[(2, 'a')].tolist(), wide.index.names
# probe ts: ts.index.freqstr, ts.sum()
# probe nul: nul.sum(), nul.dtype
# probe per: per + 1
# probe iv: iv[1]
# probe big: big['x'].sum(), big['y'].iloc[-1]
# probe half: half.shape
# probe rollw: rollw.mean().tolist()[1:]
# probe stringdf: stringdf.dtypes.tolist()
# probe sp: sp.dtypes.tolist()
# probe mask: df[mask].shape
# probe loc: loc[0, 'a']
# state: a usual analysis
# cell
import pandas as pd, numpy as np, matplotlib.pyplot as plt
from sklearn.linear_model import LinearRegression
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.model_selection import train_test_split
rng = np.random.default_rng(0)
X = rng.normal(size=(200, 3)); y = X @ [1, 2, 3] + 1
Xtr, Xte, ytr, yte = train_test_split(X, y, random_state=0)
model = make_pipeline(StandardScaler(), LinearRegression()).fit(Xtr, ytr)
clf = RandomForestClassifier(5, random_state=1).fit(X, y > 0)
score = model.score(Xte, yte)
fig, ax = plt.subplots()
line, = ax.plot([1, 2], [3, 4], label='l'); ax.set_title('T')
df = pd.DataFrame(X, columns=list('abc')).assign(y=y)
summary = df.describe()
def predict(rows): return model.predict(np.atleast_2d(rows))
lam = df.apply(lambda r: r.sum(), axis=1)
# probe model: model.predict(X[:2]).round(6), model.steps[1][1].coef_.round(4)
# probe clf: clf.predict(X[:5]).tolist()
# probe score: round(score, 6)
# probe fig: ax.get_title(), fig.axes[0] is ax, len(fig.get_axes())
# probe ax: (ax.set_title('new'), fig.axes[0].get_title())[1]
# probe line: line in ax.lines, line.get_ydata()
# probe df: df['y'].sum().round(6)
# probe summary: summary.loc['mean', 'y'].round(6)
# probe predict: predict([1, 1, 1]).round(3)
# probe rng: rng.random()
# probe Xtr: Xtr.shape, Xtr[0, 0].round(9)
# probe plt: plt.get_backend().lower()
# state: science
# cell
import scipy.sparse as sps, scipy.stats as st, scipy.interpolate as si, sympy as sp, networkx as nx
from scipy.optimize import minimize
mat = sps.csr_matrix([[0, 1], [2, 0]])
dist = st.norm(1, 2)
fit = minimize(lambda x: (x[0] - 1) ** 2, [0.0])
spl = si.CubicSpline([0, 1, 2], [0, 1, 4])
x, y = sp.symbols('x y', positive=True)
expr = sp.integrate(sp.sin(x) * y, x)
fnum = sp.lambdify(x, x ** 2)
G = nx.Graph(); G.add_edge('a', 'b', weight=3)
f = sp.Function('f')
import mpmath
mpmath.mp.dps = 30
# probe mat: mat.toarray().tolist()
# probe dist: dist.cdf(1), dist.mean()
# probe fit: fit.x.round(3), fit.success
# probe spl: spl(1.5).round(6)
# probe x: x is sp.Symbol('x', positive=True) or x == sp.Symbol('x', positive=True), x.is_positive
# probe expr: expr, expr.subs(x, 0)
# probe fnum: fnum(3)
# probe G: G['a']['b']['weight'], nx.shortest_path(G, 'a', 'b')
# probe f: f(x).diff(x)
# probe mpmath: mpmath.mp.dps, str(mpmath.mpf(1) / 3)
# state: other tables
# cell
import polars as pl, pyarrow as pa, duckdb
pdf = pl.DataFrame({'a': [1, 2], 'b': ['x', None]})
lazy = pdf.lazy().filter(pl.col('a') > 1)
exp = pl.col('a') + 1
tab = pa.table({'k': [1, 2, 3]})
sch = tab.schema
arr = pa.array([1, None])
con = duckdb.connect()
con.execute('create table t as select 42 as v')
answer = con.execute('select v from t').fetchall()
# probe pdf: pdf.to_dict(as_series=False)
# probe lazy: lazy.collect().rows()
# probe exp: pdf.select(exp).rows()
# probe tab: tab['k'].to_pylist()
# probe sch: sch.names
# probe arr: arr.null_count
# probe con: con.execute('select v from t').fetchall()
# probe answer: answer
# state: pictures and documents
# cell
from PIL import Image, ImageDraw
import io, zipfile, json
from bs4 import BeautifulSoup
from lxml import etree
import openpyxl
img = Image.new('RGB', (4, 4), 'red')
draw = ImageDraw.Draw(img); draw.point((0, 0), 'blue')
buf = io.BytesIO(); img.save(buf, 'PNG')
opened = Image.open(io.BytesIO(buf.getvalue()))
soup = BeautifulSoup('<p class="a">x<b>y</b></p>', 'html.parser')
root = etree.fromstring('<r><i n="1"/><i n="2"/></r>')
second = root[1]
wb = openpyxl.Workbook(); wb.active['A1'] = 5
ws = wb.active
# probe img: img.getpixel((1, 1)), img.size, img.getpixel((0, 0))
# probe buf: buf.getvalue()[:4]
# probe opened: opened.getpixel((1, 1)), opened.format
# probe soup: soup.p['class'], soup.b.text, str(soup)
# probe root: etree.tostring(root)
# probe second: second.get('n'), second.getparent() is root
# probe wb: wb.active['A1'].value
# probe ws: ws is wb.active
# state: shared between variables
# cell
import numpy as np, pandas as pd
base = np.arange(20_000.0)
class Model:
    def __init__(self, w): self.w = w
    def step(self): self.w += 1; return self.w[0]
m = Model(base)
views = [base[:5], base[5:]]
df = pd.DataFrame({'a': base})
cache = {'m': m, 'df': df, 'again': [m, df]}
def total(): return m.w.sum() + base[0]
config = {'lr': 0.1}
class Trainer:
    cfg = config
    def __init__(self): self.model, self.log = m, []
tr = Trainer(); tr.log.append(cache)
blob = b'x' * 500_000; blob2 = blob
text = 'y' * 400_000
many = {i: str(i) * 3 for i in range(2000)}
# probe m: (m.step(), base[0])
# probe views: np.shares_memory(views[0], base), views[1][0]
# probe cache: cache['m'] is m, cache['again'][1] is df, cache['df'] is df
# probe total: total() - base.sum() - base[0]
# probe tr: tr.model is m, tr.log[0] is cache, tr.cfg is config, Trainer.cfg is config
# probe blob: len(blob), blob[:2], blob2 is blob
# probe text: len(text), text[-1]
# probe many: len(many), many[1999]
# state: bad values cost themselves alone
# cell
import os, time, sys, threading
good = [1, 2]
class Hangs:
    def __reduce__(self):
        while True: pass
class Exits:
    def __reduce__(self): os._exit(3)
class Raises:
    def __reduce__(self): raise KeyboardInterrupt('stop')
class Lies:
    def __reduce__(self): return (dict, ())
class Prints:
    def __init__(self): self.v = 4
    def __getstate__(self):
        print('printed'); sys.stderr.write('noise')
        return self.__dict__
class BadLoad:
    def __setstate__(self, s): raise ValueError('no')
    def __getstate__(self): return {'a': 1}
class Bomb:
    def __reduce__(self): return (bytearray, (1 << 44,))
class Mutates:
    def __getstate__(self):
        good.append('changed'); return {}
class Quits:
    def __setstate__(self, s): os._exit(0)
    def __getstate__(self): return {'a': 1}
class Repr:
    def __eq__(self, o): raise ValueError
    def __getattr__(self, n): raise RuntimeError(n)
raises, lies, prints = Raises(), Lies(), Prints()
badload, bomb = BadLoad(), Bomb()
deep = []
for _ in range(20000): deep = [deep]
holder = {'x': 1, 'bad': Raises(), 'lock': threading.Lock()}
weird = Repr()
after = 'kept'
# probe good: good
# probe raises: type(raises)
# probe lies: type(lies).__name__
# probe prints: prints.v
# probe badload: type(badload)
# probe bomb: type(bomb)
# probe deep: len(deep)
# probe holder: holder['x'], type(holder['bad']).__name__
# probe weird: type(weird).__name__
# probe after: after
# state: values that hang or end the process
# deadline 12000
# cell
import os, time, signal
first = 'a'
class Hangs:
    def __reduce__(self):
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        while True: pass
class Exits:
    def __reduce__(self): os._exit(3)
class Quits:
    def __setstate__(self, s): os._exit(0)
    def __getstate__(self): return {'a': 1}
hangs, exits, quits = Hangs(), Exits(), Quits()
last = [1, 2, 3]
# probe first: first
# probe hangs: type(hangs)
# probe exits: type(exits)
# probe quits: type(quits)
# probe last: last
