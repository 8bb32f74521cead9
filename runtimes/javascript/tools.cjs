'use strict';
// The caller's tools as functions: `await tools.name({ argument: value })`. The protocol is guest/agent/tool_channel.py's.

const net = require('node:net');

class ToolExecutionError extends Error {
  name = 'ToolExecutionError';
}

/**
 * Functions by identifier and by the tools' own names.
 * @param {{ name: string, identifier: string }[]} definitions
 */
function createTools(definitions) {
  const tools = Object.create(null);
  for (const { name, identifier } of definitions) {
    const tool = (input = {}) => {
      // Should it fail, it fails where it was called: what is between there and here is no news.
      const failure = new ToolExecutionError();
      Error.captureStackTrace(failure, tool);
      return call(name, input).catch(({ message }) => Promise.reject(saying(failure, message)));
    };
    Object.defineProperty(tool, 'name', { value: identifier });
    tools[name] = tool;
    tools[identifier] = tool;
  }
  return Object.freeze(tools);
}

function saying(error, message) {
  const frames = String(error.stack).split('\n').slice(1);
  const own = { message, stack: [`${error.name}: ${message}`, ...frames].join('\n') };
  for (const [key, value] of Object.entries(own))
    Object.defineProperty(error, key, { value, writable: true, configurable: true });
  return error;
}

async function call(name, input) {
  const body = Buffer.from(JSON.stringify(input) ?? 'null');
  const parts = [];
  try {
    const socket = net.connect({ host: '127.0.0.1', port: 10711, noDelay: true });
    socket.write(Buffer.concat([Buffer.from(`${name}\n${body.length}\n`), body]));
    for await (const part of socket) parts.push(part);
  } catch {
    // Said below: there is no answer.
  }
  const answer = Buffer.concat(parts);
  const end = answer.indexOf(10);
  const head = /^(ok|error) (\d+)$/.exec(answer.toString('latin1', 0, Math.max(end, 0)));
  if (!head || answer.length !== end + 1 + Number(head[2]))
    throw new ToolExecutionError('the tool cannot be called now');
  const text = answer.toString('utf8', end + 1);
  if (head[1] === 'error') throw new ToolExecutionError(text);
  return JSON.parse(text);
}

module.exports = { createTools, ToolExecutionError };
