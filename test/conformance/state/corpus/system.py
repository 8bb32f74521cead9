# State corpus: files, processes and settings of the process. Read by run_states.py.
# state: working folder and environment
# cell
import os, sys
os.makedirs('sub', exist_ok=True)
os.chdir('sub')
os.environ['MY_KEY'] = 'v1'
os.environ.pop('LANG', None)
sys.path.append('/mnt/data/lib')
where = os.getcwd()
env = os.environ
here = os.path
# probe where: where
# probe os: os.getcwd() == where, os.environ['MY_KEY'], 'LANG' in os.environ
# probe sys: sys.path[-1]
# probe env: env is os.environ
# probe here: here.join('a', 'b')
# state: open files
# cell
with open('in.txt', 'w') as f: f.write('one\ntwo\nthree\n')
r = open('in.txt'); r.readline()
rb = open('in.txt', 'rb'); rb.seek(4)
w = open('out.txt', 'w'); w.write('begun '); w.flush(); w.write('pending ')
a = open('log.txt', 'a'); a.write('x')
closed = open('in.txt'); closed.close()
import io
sio = io.StringIO('abc\ndef'); sio.readline()
bio = io.BytesIO(b'12345'); bio.seek(2)
import csv
rows = list(csv.reader(open('in.txt')))
rd = csv.reader(open('in.txt'))
# probe r: r.readline(), r.name, r.mode
# probe rb: rb.read(3), rb.name
# probe w: w.write('more'), w.flush(), open('out.txt').read(), w.mode
# probe a: a.write('y'), a.flush(), open('log.txt').read()
# probe closed: closed.closed, closed.name
# probe sio: sio.read()
# probe bio: bio.read()
# probe rows: rows
# probe rd: next(rd)
# state: random numbers
# cell
import random, numpy as np
random.seed(7); random.random()
np.random.seed(3); np.random.rand()
rng = np.random.default_rng(5); rng.random()
own = random.Random(9); own.random()
gen2 = rng
st = np.random.RandomState(1); st.rand()
saved = random.getstate()
# probe random: random.random(), random.randint(0, 10**9), random.gauss(0, 1)
# probe np: np.random.rand(), np.random.randn()
# probe rng: rng.random(), rng.integers(10**6)
# probe gen2: gen2 is rng
# probe own: own.random()
# probe st: st.rand()
# probe saved: (random.setstate(saved), random.random())[1]
# state: settings of libraries
# cell
import decimal, warnings, logging, locale, socket, sys
import numpy as np, pandas as pd, matplotlib, matplotlib.pyplot as plt
decimal.getcontext().prec = 50
warnings.simplefilter('ignore', UserWarning)
logging.basicConfig(level=logging.DEBUG, format='%(message)s')
log = logging.getLogger('app.core'); log.setLevel(logging.ERROR)
np.set_printoptions(precision=3, suppress=True); np.seterr(divide='ignore')
pd.set_option('display.max_rows', 7); pd.options.display.precision = 2
plt.rcParams['figure.figsize'] = (3, 2); plt.style.use('ggplot')
sys.setrecursionlimit(5000)
socket.setdefaulttimeout(12)
D = decimal.Decimal
ctx = decimal.Context(prec=7)
def catches():
    with warnings.catch_warnings(record=True) as w:
        warnings.warn('x', UserWarning)
        return len(w)
# probe decimal: decimal.getcontext().prec, str(D(1) / D(3))
# probe warnings: [f[0] for f in warnings.filters][:2]
# probe logging: logging.root.level, [type(h).__name__ for h in logging.root.handlers], logging.root.handlers[0].stream is sys.stderr
# probe log: log.level, log is logging.getLogger('app.core'), log.isEnabledFor(30)
# probe np: str(np.array([1.23456])), np.geterr()['divide']
# probe pd: pd.get_option('display.max_rows'), pd.options.display.precision
# probe plt: plt.rcParams['figure.figsize'], plt.rcParams['axes.facecolor'], plt.rcParams['axes.grid']
# probe sys: sys.getrecursionlimit()
# probe socket: socket.getdefaulttimeout()
# probe ctx: ctx.prec, str(ctx.divide(D(1), D(3)))
# state: threads, locks and processes
# cell
import threading, queue, subprocess, socket, time, concurrent.futures as cf, asyncio, contextvars
lock = threading.Lock(); rlock = threading.RLock(); held = threading.Lock(); held.acquire()
class Acc:
    def __init__(self): self.n, self.lock = 1, threading.Lock()
    def add(self):
        with self.lock: self.n += 1
        return self.n
acc = Acc()
stop = threading.Event()
th = threading.Thread(target=stop.wait, daemon=True); th.start()
q = queue.Queue(); q.put('job')
cond = threading.Condition()
sem = threading.Semaphore(2); sem.acquire()
loc = threading.local(); loc.v = 3
proc = subprocess.Popen(['sleep', '30'])
sock = socket.socket()
done = subprocess.run(['echo', 'hi'], capture_output=True, text=True)
pool = cf.ThreadPoolExecutor(2)
fut = pool.submit(lambda: 5); fut.result()
alock = asyncio.Lock()
var = contextvars.ContextVar('var', default=1); var.set(8)
keep = 'kept'
# probe keep: keep
# probe lock: lock.acquire(False), lock.locked()
# probe rlock: rlock.acquire(False)
# probe held: held.locked()
# probe acc: acc.add()
# probe stop: stop.is_set()
# probe th: th.is_alive()
# probe q: q.get_nowait(), q.qsize()
# probe cond: cond.acquire(False)
# probe sem: sem.acquire(False), sem.acquire(False)
# probe loc: loc.v
# probe proc: proc.poll()
# probe sock: sock.fileno() > 0
# probe done: done.stdout, done.returncode
# probe fut: fut.result()
# probe alock: alock.locked()
# probe var: var.get()
# state: databases
# cell
import sqlite3
mem = sqlite3.connect(':memory:')
mem.execute('create table t(a, b)'); mem.executemany('insert into t values(?,?)', [(1, 'x'), (2, 'y')]); mem.commit()
mem.row_factory = sqlite3.Row
disk = sqlite3.connect('my.db')
disk.execute('create table if not exists u(v)'); disk.execute('delete from u'); disk.execute('insert into u values (5)'); disk.commit()
cur = mem.execute('select a from t')
open_tx = sqlite3.connect(':memory:'); open_tx.execute('create table z(q)'); open_tx.execute('insert into z values(1)')
fun = sqlite3.connect(':memory:'); fun.create_function('twice', 1, lambda x: x * 2)
class Repo:
    def __init__(self, c): self.c, self.name = c, 'repo'
repo = Repo(mem)
# probe mem: [tuple(r) for r in mem.execute('select * from t')], mem.execute('select a from t').fetchone()['a']
# probe disk: disk.execute('select v from u').fetchall()
# probe cur: cur.fetchone()
# probe open_tx: open_tx.execute('select * from z').fetchall()
# probe fun: fun.execute('select twice(4)').fetchone()
# probe repo: repo.c is mem, repo.name
# state: patched modules
# cell
import math, json, datetime
import pandas as pd
math.answer = 42
old = json.dumps
json.dumps = lambda o, **k: 'patched ' + old(o, **k)
pd.DataFrame.rows = lambda self: len(self)
import xml.etree.ElementTree as ET
import os.path, collections.abc, importlib.util
import xml.dom.minidom
class Enc(json.JSONEncoder):
    def default(self, o): return str(o)
tree = ET.fromstring('<a><b k="1">t</b></a>')
# probe math: math.answer
# probe json: json.dumps([1])
# probe old: old([1])
# probe pd: pd.DataFrame({'a': [1, 2]}).rows()
# probe xml: xml.dom.minidom.parseString('<a/>').documentElement.tagName
# probe ET: ET.tostring(tree)
# probe tree: tree.find('b').get('k'), tree[0].text
# probe Enc: old({'d': datetime.date(2024, 1, 2)}, cls=Enc)
# state: modules of the workspace
# cell
open('helpers.py', 'w').write('''
state = {'n': 0}
LIMIT = 3
def bump():
    state['n'] += 1
    return state['n']
class Tool:
    def __init__(self, k): self.k = k
    def go(self): return self.k + LIMIT
''')
import helpers
from helpers import bump, Tool, state
bump(); bump()
helpers.LIMIT = 10
tool = Tool(5)
# probe helpers: helpers.state['n'], helpers.LIMIT
# probe bump: bump(), bump is helpers.bump
# probe tool: tool.go(), isinstance(tool, helpers.Tool)
# probe state: state is helpers.state
# state: history of the notebook
# cell
x = 5
x * 2
# cell
'second'
# cell
def traced():
    raise ValueError('in traced')
class Src:
    def m(self):
        return 1  # marker
import inspect
# probe x: x
# probe Out: Out[1], Out[2]
# probe _1: _1
# probe In: In[2].strip()
# probe traced: inspect.getsource(traced).split()[1]
# probe Src: 'marker' in inspect.getsource(Src)
# state: dates, numbers and small libraries
# cell
import datetime as dt, decimal, fractions, uuid, pathlib, zoneinfo, ipaddress, string, hashlib, statistics, calendar, textwrap, urllib.parse, time, operator
when = dt.datetime(2024, 3, 1, 12, tzinfo=zoneinfo.ZoneInfo('Europe/Berlin'))
span = dt.timedelta(days=3)
day = dt.date(2024, 2, 29)
frac = fractions.Fraction(1, 3)
money = decimal.Decimal('1.10')
uid = uuid.UUID(int=5)
path = pathlib.Path('a') / 'b.txt'
net = ipaddress.ip_network('10.0.0.0/8')
tpl = string.Template('$x!')
sha = hashlib.sha256(b'a')
url = urllib.parse.urlparse('http://a/b?c=1')
get = operator.itemgetter('k')
cal = calendar.TextCalendar()
st = time.gmtime(0)
nd = statistics.NormalDist(0, 1)
# probe when: when.isoformat(), when.tzinfo is zoneinfo.ZoneInfo('Europe/Berlin')
# probe span: span + span
# probe day: day + span
# probe frac: frac + 1
# probe money: money * 3
# probe uid: uid
# probe path: path.suffix, str(path)
# probe net: net.num_addresses
# probe tpl: tpl.substitute(x=1)
# probe sha: sha.hexdigest()[:8]
# probe url: url.query, url.netloc
# probe get: get({'k': 3})
# probe cal: cal.formatmonth(2024, 2)[:20]
# probe st: st.tm_year
# probe nd: nd.cdf(0)
