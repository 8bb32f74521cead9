import collections
import os
import sys
import threading

mode, *args = sys.argv[1:]
if mode == 'unicode':
    print('héllo 世界 🎉')
    print(sys.stdin.readline().strip())
elif mode == 'args':
    print('\n'.join(args))
elif mode == 'eof':
    print(len(sys.stdin.read()))
elif mode == 'files':
    with open('data/in.txt') as file, open('/mnt/data/out.txt', 'w') as out:
        out.write(str(2 * int(file.read())))
elif mode == 'exit':
    sys.exit(7)
elif mode == 'crash':
    print([1, 2][5])  # the line that fails
elif mode == 'threads':
    totals = []
    threads = [threading.Thread(target=lambda n=n: totals.append(sum(range(n)))) for n in (10, 20, 30, 40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(sum(totals))
elif mode == 'library':
    words = collections.Counter('banana apple apple'.split())
    print(' '.join(f'{word}:{count}' for word, count in sorted(words.items())))
elif mode == 'work':
    count = 0
    for n in range(2, int(args[0])):
        d = 2
        while d * d <= n and n % d:
            d += 1
        count += d * d > n
    print(count)
elif mode == 'endless':
    print('before')
    while True:
        os.getpid()
