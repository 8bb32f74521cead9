"""The caller's tools as Python functions: `await name(argument=value)`. The protocol is tool_channel.py's."""

import asyncio
import inspect
import json
import socket

from dragoman_guest.agent import tool_channel


class ToolExecutionError(Exception):
    """A tool failed, or could not be called; the text says why."""

    # In tracebacks it goes by the name that programs know it by.
    __module__ = '__main__'


async def _call(name, arguments):
    try:
        body = _encoded(arguments)
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f'the arguments are not JSON: {error}') from None
    reader, writer = await asyncio.open_connection(*tool_channel.ADDRESS)
    try:
        writer.write(f'{name}\n{len(body)}\n'.encode() + body)
        status, size = (await reader.readline()).split()
        answer = await reader.readexactly(int(size))
    except (ValueError, asyncio.IncompleteReadError, OSError):
        raise ToolExecutionError('the tool cannot be called now') from None
    finally:
        writer.close()
    if status != b'ok':
        raise ToolExecutionError(answer.decode())
    return json.loads(answer)


def call_now(name, arguments):
    """Calls a tool and waits for its answer, also where an event loop runs."""
    body = _encoded(arguments)
    try:
        with socket.create_connection(tool_channel.ADDRESS) as connection, connection.makefile('rb') as reader:
            connection.sendall(f'{name}\n{len(body)}\n'.encode() + body)
            status, size = reader.readline().split()
            answer = reader.read(int(size))
    except (ValueError, OSError):
        raise ToolExecutionError('the tool cannot be called now') from None
    if status != b'ok':
        raise ToolExecutionError(answer.decode())
    return json.loads(answer)


def _encoded(arguments):
    text = json.dumps(arguments, allow_nan=False, ensure_ascii=False, default=_plain)
    try:
        return text.encode()
    except UnicodeEncodeError:
        # Half a character can travel as an escape only.
        return json.dumps(json.loads(text)).encode()


def _plain(value):
    """Numbers and arrays of numpy and pandas become JSON."""
    for name in ('tolist', 'isoformat'):
        convert = getattr(value, name, None)
        if convert is not None:
            return convert()
    raise TypeError(f'{type(value).__name__} is not JSON')


def _function(definition):
    """An async function for one tool. Arguments are the properties of its schema, required ones first; None is left out."""
    name, identifier = definition['name'], definition['identifier']
    schema = definition.get('parameters') or {}
    required = [key for key in schema.get('required', ()) if key in schema.get('properties', {})]
    allowed = [*required, *(key for key in schema.get('properties', {}) if key not in required)]
    is_open = schema.get('additionalProperties') not in (None, False)

    async def tool(*positional, **named):
        if len(positional) == 1 and not named and isinstance(positional[0], dict) and positional[0].keys() <= set(allowed):
            # The whole input at once, as other languages have it.
            positional, named = (), positional[0]
        if len(positional) > len(allowed):
            raise TypeError(f'{identifier}() takes {len(allowed)} arguments but {len(positional)} were given')
        arguments = dict(zip(allowed, positional))
        for key, value in named.items():
            if key in arguments:
                raise TypeError(f'{identifier}() got multiple values for argument {key!r}')
            if key not in allowed and not is_open:
                raise TypeError(f'{identifier}() got an unexpected keyword argument {key!r}')
            arguments[key] = value
        missing = [key for key in required if key not in arguments]
        if missing:
            raise TypeError(f'{identifier}() missing required arguments: {", ".join(map(repr, missing))}')
        return await _call(name, {key: value for key, value in arguments.items() if value is not None})

    tool.__name__ = tool.__qualname__ = identifier
    tool.__doc__ = definition.get('description')
    tool.__module__ = '__main__'
    tool.__signature__ = _signature(required, allowed, is_open)
    return tool


def is_tool(value):
    """Whether it is a function of this module's making."""
    return inspect.isfunction(value) and value.__code__.co_filename == __file__


def _signature(required, allowed, is_open):
    """How a function looks to `help` and its like; None where a property's name cannot be that of a parameter."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    try:
        known = [
            inspect.Parameter(key, kind, default=inspect.Parameter.empty if key in required else None) for key in allowed
        ]
        rest = [inspect.Parameter('named', inspect.Parameter.VAR_KEYWORD)] if is_open else []
        return inspect.Signature([*known, *rest])
    except ValueError:
        return None


def forgotten(values):
    """Names of the tools that were called among some values, and that were not awaited."""
    for value in values:
        if isinstance(value, (list, tuple, set)):
            yield from forgotten(value)
        elif inspect.iscoroutine(value) and value.cr_code.co_filename == __file__:
            if inspect.getcoroutinestate(value) == inspect.CORO_CREATED:
                yield value.__name__


def functions(definitions):
    """Functions by identifier. A definition: {name, identifier, description?, parameters?}."""
    return {definition['identifier']: _function(definition) for definition in definitions}


class Tools:
    """The tools of a cell as attributes, or by their own names: `tools.get_weather`, `tools['get-weather']`."""

    def __init__(self, definitions):
        self.__dict__.update(functions(definitions))
        self._named = {definition['name']: self.__dict__[definition['identifier']] for definition in definitions}

    def __getitem__(self, name):
        return self._named[name]

    def __repr__(self):
        return f'tools: {", ".join(self._named) or "none"}'
