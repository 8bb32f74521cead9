"""The first process of a live session's sandbox: keeps kernels as children and speaks with the service for them.

Frames in, after `serve`: write {path,size,mode} and its bytes; remove {path}; sync {token}; kernel {token,kernel,start,folder} starts a
kernel; stop {token,kernel} ends one; cell {token,kernel,start,folder,language,size,tools} and the code runs a cell, in a new kernel
where that one does not run; program {token,kind,entry,…} runs a program that may call tools; interrupt {token}; kill {token}; seen
{token,mark}; restart {token} ends every process; answer {id,error,size} and the value of a tool; snapshot {token,kernel,deadline_ms,
max_bytes} has a kernel save its state, and restore {token,kernel,start,folder} starts one that takes in a state, on the pipes of bulk.py;
discard {mark} drops what lies in these, where they are carried (bulk_relay.py); renew {copy} says that this sandbox goes on from a checkpoint.
Claims out: started {token} before any code of a cell runs, done {token,code,signal,interpreter}, fault {message}, event {token,event};
call {token,id,name,input} and waiting {token,pending} of tool calls (tool_channel.py). The service chooses the ids of kernels. What `start` may be is in kernels.py; `folder` is a working directory,
relative to the workspace.

Beside cells it runs commands (commands.py) and works with files (file_link.py): what is said of these has numbers instead of tokens.

User code is only in the children: they hold no pipe of the service's, and this process is undumpable, so what it claims about their
end is its own word. What a kernel says of its cells is passed on within bounds, and the service does not trust it.
"""

import os
import resource  # noqa: F401  `os.wait4` answers with one of its types
import select
import signal

from . import bulk, commands, endings, file_link, frames, kernel_link, kernels, protection, tool_channel, workspace


class Supervisor:
    def __init__(self, command, claim, aside, template, parked):
        """`claim` sends a claim, `aside` the bytes of frames that are said beside cells; `parked` is the program that waits, if one does."""
        self._command = command
        self._claim = claim
        self._aside = aside
        self._template = template
        self._parked = parked
        self._running = None  # (token, id of the kernel, or None for a program)
        self._program = None  # pid of the program that runs
        self._begun = False  # The running cell can be interrupted.
        self._interrupted = False  # An interrupt came before it could be.
        self._poller = select.poll()

    def serve(self, with_bulk, made):
        """Never returns; the service ends the sandbox. `with_bulk`: its kernels can save their state, which takes pipes of its own; `made`:
        the sandbox's ends of these, where they were made before, or None."""
        # Nothing of the user runs yet.
        protection.dumpable(True)
        pipes = bulk.Bulk(self._command, self._claim, made, self._poller) if with_bulk else None
        self._relay = pipes.relay if pipes else None
        self._kernels = kernels.Kernels(self._poller, protection.OomScore(), self._template, pipes)
        protection.dumpable(False)
        for number in kernels.UNHEEDED:
            signal.signal(number, signal.SIG_IGN)
        self._wake, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._poller.register(self._command, select.POLLIN)
        self._poller.register(self._wake, select.POLLIN)
        self._commands = commands.Commands(self._poller, self._kernels.spawn, self._aside)
        self._left_behind = []  # Commands of before a checkpoint, which nobody hears any more.
        self._files = file_link.FileLink(self._poller, self._kernels, self._aside)
        # Now, while its address is free.
        self._tools = tool_channel.ToolChannel(self._poller, self._claim_for_cell)
        while True:
            ready = dict(self._poller.poll(self._tools.look_in()))
            # What a kernel said before it died comes before its death.
            for identity, kernel in self._kernels.items():
                if kernel.events in ready:
                    self._hear(identity, kernel)
            if self._wake in ready:
                os.read(self._wake, 4096)
                self._reap()
            self._tools.serve(ready)
            for each in self._all_commands():
                each.serve(ready)
            self._files.serve(ready)
            # Orders first: `discard` is about what was written before it.
            if self._command in ready:
                self._obey(frames.read_frame(self._command))
            if self._relay:
                self._relay.serve(ready)
            self._tools.settle()

    def _obey(self, frame):
        match frame['op']:
            case 'write':
                fault = workspace.write(self._command, frame)
                if fault:
                    self._claim({'claim': 'fault', 'message': fault})
            case 'folder':
                workspace.make_folder(frame['path'])
            case 'remove':
                workspace.remove(frame['path'])
            case 'renew':
                self._renew(frame['copy'])
            case 'sync':
                self._end(frame['token'], {'code': 0, 'signal': None}, 'none')
            case 'kernel':
                self._start_kernel(frame)
            case 'stop':
                self._kernels.stop(frame['kernel'])
                self._end(frame['token'], {'code': 0, 'signal': None}, 'none')
            case 'cell':
                self._cell(frame)
            case 'program':
                self._run_program(frame)
            case 'snapshot':
                self._snapshot(frame)
            case 'restore':
                self._restore(frame)
            case 'discard':
                if self._relay:
                    self._relay.discard(frame['mark'])
            case 'seen':
                if self._running and self._running[0] == frame['token'] and self._running[1] in self._kernels:
                    self._kernels[self._running[1]].acknowledge(frame['mark'])
            case 'answer':
                self._tools.answer(frame['id'], frame['error'], frames.read_exactly(self._command, frame['size']))
            case 'command' | 'input' | 'end_input' | 'signal' | 'resize' | 'grant':
                self._commands.obey(frame, frames.read_exactly(self._command, frame.get('size', 0)))
            case 'file':
                self._files.obey(frame, frames.read_exactly(self._command, frame.get('size', 0)))
            case 'interrupt' | 'kill' as op:
                if self._running and self._running[0] == frame['token']:
                    if op == 'kill':
                        self._signal(signal.SIGKILL)
                    elif self._begun:
                        self._interrupt()
                    else:
                        self._interrupted = True
            case 'restart':
                self._restart()
                self._end(frame['token'], {'code': 0, 'signal': None}, 'none')

    def _renew(self, is_copy):
        """Whoever waited for what commands and work with files say is not there any more: programs go on and are not heard. `is_copy`: another
        sandbox has gone on from the same moment, and the two must not agree in what has to be random."""
        self._commands.leave()
        self._left_behind.append(self._commands)
        self._commands = commands.Commands(self._poller, self._kernels.spawn, self._aside)
        self._files.leave()
        if is_copy:
            for _, kernel in self._kernels.items():
                kernel.renew()
        self._claim({'claim': 'ready'})

    def _all_commands(self):
        return [*self._left_behind, self._commands]

    def _start_kernel(self, frame):
        fault = None if frame['kernel'] in self._kernels else self._fault_of_start(frame)
        if fault:
            self._claim({'claim': 'fault', 'message': fault})
        self._end(frame['token'], {'code': int(fault is not None), 'signal': None}, 'none')

    def _cell(self, frame):
        identity = frame['kernel']
        code = frames.read_exactly(self._command, frame['size'])
        fault = None if identity in self._kernels else self._fault_of_start(frame)
        if fault:
            os.write(2, f'[{fault}]\n'.encode())
            self._end(frame['token'], {'code': 1, 'signal': None}, 'lost')
            return
        self._kernels[identity].begin()
        self._running = (frame['token'], identity)
        self._begun = self._interrupted = False
        tools = frame.get('tools', [])
        self._tools.open(tool['name'] for tool in tools)
        # Before any of the code runs: a cell that ends with this sandbox and without this claim can run again in another one.
        self._claim({'claim': 'started', 'token': frame['token']})
        try:
            order = {'cell': frame['token'], 'code': code.decode(), 'language': frame['language'], 'tools': tools}
            if frame.get('env'):
                order['env'] = frame['env']
            if frame.get('question'):
                order['question'] = frame['question']
            if frame.get('manner'):
                order['manner'] = frame['manner']
            kernel_link.send(self._kernels[identity].orders, order)
        except OSError:
            pass  # It is dead, and about to be reaped: that ends the cell.

    def _snapshot(self, frame):
        if frame['kernel'] not in self._kernels:
            self._end(frame['token'], {'code': 1, 'signal': None}, 'none')
            return
        self._ask(frame, {'snapshot': frame['token'], 'deadline_ms': frame['deadline_ms'], 'max_bytes': frame['max_bytes']})

    def _restore(self, frame):
        fault = None if frame['kernel'] in self._kernels else self._fault_of_start(frame)
        if fault:
            self._claim({'claim': 'fault', 'message': fault})
            self._end(frame['token'], {'code': 1, 'signal': None}, 'none')
            return
        self._ask(frame, {'restore': frame['token']})

    def _ask(self, frame, order):
        """Passes an order about its state on to a kernel, whose word ends it as a cell."""
        kernel = self._kernels[frame['kernel']]
        kernel.begin()
        self._running = (frame['token'], frame['kernel'])
        self._begun = self._interrupted = False
        try:
            kernel_link.send(kernel.orders, order)
        except OSError:
            pass  # It is dead, and about to be reaped: that ends the order.

    def _fault_of_start(self, frame):
        """Starts a kernel; returns a sentence when that fails. Where processes that cells left behind have taken every place, they end
        first, and the other kernels with them."""
        for attempt in range(2):
            try:
                self._kernels.start(frame['kernel'], frame['start'], frame['folder'])
                return None
            except kernels.Refused as refused:
                if attempt > 0 or not kernels.is_for_want_of_processes(refused):
                    return str(refused)[:900]
                self._restart()

    def _run_program(self, frame):
        """Starts a program that runs once and may call tools."""
        tools = frame['tools']
        self._running = (frame['token'], None)
        self._begun = True
        self._tools.open(tool['name'] for tool in tools)
        match frame['kind']:
            case 'program':
                workspace.remove_source_when_told(frame['env'])
                self._program = self._kernels.spawn(frame['argv'], {**os.environ, **frame['env']})
            case 'parked':
                orders = {key: frame[key] for key in ('entry', 'args', 'stays', 'tools')}
                self._program = self._parked.begin(orders)

    def _interrupt(self):
        identity = self._running[1]
        if identity is None:
            self._signal(signal.SIGINT)
        else:
            self._kernels[identity].interrupt(self._running[0])

    def _signal(self, number):
        identity = self._running[1]
        if identity is not None:
            self._kernels[identity].signal(number)
            return
        try:
            os.kill(self._program, number)
        except ProcessLookupError:
            pass

    def _claim_for_cell(self, claim):
        """A claim about the cell under way."""
        if self._running:
            self._claim({**claim, 'token': self._running[0]})

    def _hear(self, identity, kernel):
        try:
            events, is_open = kernel.read_events()
        except (ValueError, RecursionError):
            kernel.signal(signal.SIGKILL)
            events, is_open = [], False
        if not is_open:
            self._kernels.deafen(kernel)
        for event in events:
            # Between cells a kernel has nothing to say. What a thread of the user's says then is dropped.
            if self._running is None or self._running[1] != identity:
                continue
            try:
                self._tell(kernel, self._running[0], event)
            except (ValueError, RecursionError):
                kernel.signal(signal.SIGKILL)  # Python reads it as JSON and the service would not.
                return

    def _tell(self, kernel, token, event):
        match event.get('event'):
            case 'begun':
                self._begun = True
                if self._interrupted:
                    self._interrupted = False
                    kernel.interrupt(token)
            case 'done':
                # The word about a cell that was ended otherwise comes too late.
                if event.get('cell') != token:
                    return
                code = event.get('code')
                known = isinstance(code, int) and 0 <= code <= 255
                self._end(token, {'code': code if known else 1, 'signal': None}, 'kept')
            case _:
                self._claim({'claim': 'event', 'token': token, 'event': event})

    def _reap(self):
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if self._has_command_ended(pid, status, usage) or self._files.ended(pid):
                continue
            if pid == self._program and self._running:
                self._end(self._running[0], endings.ending_with_tools(status), 'none')
                continue
            identity = self._kernels.with_pid(pid)
            if identity is not None:
                self._lose(identity, status)

    def _has_command_ended(self, pid, status, usage):
        return any(each.ended(pid, status, usage) for each in self._all_commands())

    def _lose(self, identity, status):
        kernel = self._kernels[identity]
        # What it had started would hold on to its place, and could still write to its pipe.
        kernel.signal(signal.SIGKILL)
        self._hear(identity, kernel)
        self._kernels.forget(identity)
        if self._running and self._running[1] == identity:
            self._end(self._running[0], endings.ending(status), 'lost')

    def _restart(self):
        """Ends every process but this one."""
        self._running = self._program = None
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            pass
        # All of them: a process that is not reaped still counts against the limit.
        while True:
            try:
                pid, status, usage = os.wait4(-1, 0)
            except ChildProcessError:
                break
            if not self._has_command_ended(pid, status, usage):
                self._files.ended(pid)
        for identity, _ in self._kernels.items():
            self._kernels.forget(identity)

    def _end(self, token, ended, interpreter):
        self._running = self._program = None
        self._tools.close()
        self._claim({'claim': 'done', 'token': token, **ended, 'interpreter': interpreter})
