"""Reducers for locks, threads and processes: a lock that is free comes back, what runs does not."""

import _thread
import threading

from .losses import CannotKeep, refuse


def _reduce_lock(lock):
    if lock.locked():
        raise CannotKeep('it is held')
    return threading.Lock, ()


def _reduce_reentrant(lock):
    # Held by this thread or another: its representation says how often.
    if not repr(lock).startswith('<unlocked'):
        raise CannotKeep('it is held')
    return threading.RLock, ()


def _reduce_local(local):
    return type(local), (), dict(vars(local)), None, None, set_local


def set_local(local, state):
    vars(local).update(state)


def _reduce_pool(pool):
    if pool._shutdown or pool._work_queue.qsize():
        raise CannotKeep('it has work or has been shut down')
    return type(pool), (pool._max_workers, pool._thread_name_prefix)


def _reduce_result(result):
    if result._state != 'FINISHED':
        raise CannotKeep('it is not finished')
    return make_result, (type(result),), (result._result, result._exception), None, None, set_result


def make_result(kind):
    return kind()


def set_result(result, state):
    value, error = state
    result.set_result(value) if error is None else result.set_exception(error)


def _reduce_thread(thread):
    # In the fork that saves, every thread but one has ended.
    raise CannotKeep('threads do not come back')


EXACT = {_thread.LockType: _reduce_lock, _thread.RLock: _reduce_reentrant, _thread._local: _reduce_local}
DERIVED = {
    'threading.Thread': _reduce_thread,
    'concurrent.futures.thread.ThreadPoolExecutor': _reduce_pool,
    'concurrent.futures._base.Executor': refuse('it has processes'),
    'concurrent.futures._base.Future': _reduce_result,
    'multiprocessing.process.BaseProcess': refuse('it is a process'),
    'multiprocessing.pool.Pool': refuse('it has processes'),
    'multiprocessing.synchronize.SemLock': refuse('processes share it'),
    'multiprocessing.queues.Queue': refuse('processes share it'),
    'multiprocessing.connection._ConnectionBase': refuse('it is a connection'),
    'multiprocessing.managers.BaseManager': refuse('it has a process'),
    'multiprocessing.managers.BaseProxy': refuse('it belongs to a process'),
    'subprocess.Popen': refuse('it is a process'),
    'asyncio.events.AbstractEventLoop': refuse('it is a loop of events'),
    '_asyncio.Task': refuse('it is a task of a loop'),
    '_asyncio.Future': refuse('it belongs to a loop'),
    'asyncio.futures.Future': refuse('it belongs to a loop'),
    '_socket.socket': refuse('it is a connection'),
    'selectors.BaseSelector': refuse('it watches connections'),
    'ssl.SSLContext': refuse('it holds keys of its own'),
    'socketserver.BaseServer': refuse('it is a server'),
    'http.client.HTTPConnection': refuse('it is a connection'),
}
