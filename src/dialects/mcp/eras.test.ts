import { describe, expect, it } from 'vitest';
import { agreedVersion, isModern } from './eras.ts';
import { RpcError, type RpcMessage, readMessage } from './json-rpc.ts';

const meta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
};
const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'run_code' };
const call = (params: object = {}): RpcMessage =>
  readMessage({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'run_code', _meta: meta, ...params } });

const codeOf = (read: () => unknown): unknown => {
  try {
    return read();
  } catch (error) {
    return error instanceof RpcError ? error.code : error;
  }
};

describe('the era of a message', () => {
  it('is modern when its _meta says so and its headers agree', () => {
    expect(isModern(call(), headers)).toBe(true);
  });

  it('is legacy without that', () => {
    expect(isModern(call({ _meta: {} }), { 'mcp-protocol-version': '2025-06-18' })).toBe(false);
    expect(isModern(call({ _meta: undefined }), {})).toBe(false);
  });

  it.each([
    ['without MCP-Protocol-Version', { ...headers, 'mcp-protocol-version': undefined }, {}, -32020],
    ['with another MCP-Protocol-Version', { ...headers, 'mcp-protocol-version': '2025-11-25' }, {}, -32020],
    ['without Mcp-Method', { ...headers, 'mcp-method': undefined }, {}, -32020],
    ['with another Mcp-Method', { ...headers, 'mcp-method': 'tools/list' }, {}, -32020],
    ['without Mcp-Name', { ...headers, 'mcp-name': undefined }, {}, -32020],
    ['with another Mcp-Name', { ...headers, 'mcp-name': 'read_file' }, {}, -32020],
    ['with a broken Mcp-Name', { ...headers, 'mcp-name': '=?base64?%%?=' }, {}, -32020],
    ['of an unknown revision', headers, { ...meta, 'io.modelcontextprotocol/protocolVersion': '2099-01-01' }, -32020],
    [
      'of an unknown revision in both places',
      { ...headers, 'mcp-protocol-version': '2099-01-01' },
      { ...meta, 'io.modelcontextprotocol/protocolVersion': '2099-01-01' },
      -32022,
    ],
    ['without capabilities', headers, { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' }, -32602],
    ['without _meta behind a modern header', headers, { x: 1 }, -32602],
    ['with a revision that is no text', headers, { ...meta, 'io.modelcontextprotocol/protocolVersion': 7 }, -32602],
  ])('a request %s is refused', (_, said, _meta, code) => {
    const params = Object.keys(_meta).length > 0 ? { _meta } : {};
    expect(codeOf(() => isModern(call(params), said as Record<string, string>))).toBe(code);
  });

  it('decodes names that are no ASCII', () => {
    const name = 'dragoman://sessions/x/files/grün';
    const read = readMessage({
      jsonrpc: '2.0',
      id: 1,
      method: 'resources/read',
      params: { uri: name, _meta: meta },
    });
    const encoded = `=?base64?${Buffer.from(name).toString('base64')}?=`;
    expect(isModern(read, { ...headers, 'mcp-method': 'resources/read', 'mcp-name': encoded })).toBe(true);
  });

  it('of initialize ends in a revision that both know', () => {
    expect(agreedVersion('2025-03-26')).toBe('2025-03-26');
    expect(agreedVersion('2024-11-05')).toBe('2025-11-25');
    expect(agreedVersion({})).toBe('2025-11-25');
  });
});

describe('a body', () => {
  it.each([
    [[]],
    [[{ jsonrpc: '2.0', id: 1, method: 'ping' }]],
    [null],
    ['text'],
    [{}],
    [{ jsonrpc: '1.0', id: 1, method: 'ping' }],
    [{ jsonrpc: '2.0', id: null, method: 'ping' }],
    [{ jsonrpc: '2.0', id: 1.5, method: 'ping' }],
    [{ jsonrpc: '2.0', id: {}, method: 'ping' }],
    [{ jsonrpc: '2.0', id: 1, method: 7 }],
    [{ jsonrpc: '2.0', id: 1, method: 'ping', params: [] }],
    [{ jsonrpc: '2.0', id: 1 }],
  ])('%j is no message', (body) => {
    expect(codeOf(() => readMessage(body))).toBe(-32600);
  });

  it.each([
    [{ jsonrpc: '2.0', id: 'a', method: 'ping' }, 'request'],
    [{ jsonrpc: '2.0', method: 'notifications/initialized' }, 'notification'],
    [{ jsonrpc: '2.0', id: 1, result: {} }, 'response'],
    [{ jsonrpc: '2.0', id: 1, error: { code: 1, message: 'no' } }, 'response'],
  ])('%j is a %s', (body, kind) => {
    expect(readMessage(body).kind).toBe(kind);
  });
});
