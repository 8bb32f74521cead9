def plus(n): return n + 6
