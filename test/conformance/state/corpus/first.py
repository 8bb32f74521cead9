# state: plain values
# cell
import math
n = 42
text = 'héllo'
items = [1, 2, {'a': (3, 4)}]
big = 2**200
alias = items
nested = {'x': items}
# probe n: n
# probe text: text
# probe items: items
# probe big: big
# probe alias: alias is items
# probe nested: nested['x'] is items
# probe math: math.pi
# state: changed global
# cell
rate = 0.2
def net(x): return x * (1 - rate)
class Acc:
    total = 0
    def add(self, x):
        Acc.total += x
        return self
a = Acc().add(5)
def counter():
    n = 0
    def up():
        nonlocal n
        n += 1
        return n
    def get(): return n
    return up, get
up, get = counter(); up()
gen = (i for i in range(3))
# probe net: (globals().__setitem__('rate', 0.5), net(10))[1]
# probe a: a.add(3).total, Acc.total
# probe Acc: isinstance(a, Acc)
# probe up: up(), get()
# probe get: get.__closure__[0] is up.__closure__[0]
# probe gen: next(gen)
