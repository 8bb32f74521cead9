import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AnthropicService, calls, model, startAnthropic } from '../support/anthropic.ts';
import { attacking } from './attack.ts';

// biome-ignore lint/suspicious/noExplicitAny: what the wire has
type Json = any;

const tools = [{ type: 'code_execution_20250825', name: 'code_execution' }];
let service: AnthropicService;
beforeAll(async () => {
  service = await startAnthropic();
});
afterAll(() => service?.stop());

async function post(body: object, path = '/v1/messages'): Promise<{ status: number; json: Json }> {
  const answer = await fetch(service.server.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': service.server.key, 'anthropic-version': '2023-06-01' },
    body: JSON.stringify({ model, max_tokens: 1000, messages: [{ role: 'user', content: 'Go' }], ...body }),
  });
  return { status: answer.status, json: await answer.json() };
}

/** The contents of the results of these calls. */
async function resultsOf(...made: object[]): Promise<Json[]> {
  service.upstream.reset();
  service.upstream.say(...made.map((call) => [call] as never), [{ text: 'Done.' }]);
  const { json } = await post({ tools });
  return json.content.filter((block: Json) => 'tool_use_id' in block).map((block: Json) => block.content);
}

describe('the editor', attacking('outputs'), () => {
  it('reads and writes what code in the sandbox can, and nothing of the host', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dragoman-secret-'));
    writeFileSync(join(folder, 'secret.txt'), 'the secret of the host');
    const paths = [
      join(folder, 'secret.txt'),
      `../../..${folder}/secret.txt`,
      `/proc/1/root${folder}/secret.txt`,
      'link/secret.txt',
      'link',
    ];
    const results = await resultsOf(
      calls.bash(`ln -s ${folder} link`),
      ...paths.map((path) => calls.editor({ command: 'view', path })),
      ...['/etc/passwd', '/usr/bin/evil', '/opt/dragoman/guest/evil.py'].map((path) =>
        calls.editor({ command: 'create', path, file_text: 'evil' }),
      ),
    );
    rmSync(folder, { recursive: true });
    expect(results.length).toBe(9);
    expect(JSON.stringify(results)).not.toContain('the secret of the host');
    for (const { type } of results.slice(1)) expect(type).toBe('text_editor_code_execution_tool_result_error');
  });

  it('takes nothing that a program leaves in its way', async () => {
    const evil = 'print(\'{"create": {"is_file_update": true}}\'); raise SystemExit';
    const results = await resultsOf(
      calls.python(
        `for name in ("json", "os", "difflib", "sitecustomize"): open(name + ".py", "w").write(${JSON.stringify(evil)})`,
      ),
      calls.editor({ command: 'create', path: 'a.txt', file_text: 'a' }),
      calls.editor({ command: 'str_replace', path: 'a.txt', old_str: 'a', new_str: 'b' }),
      calls.bash('ln -s /dev/zero zero; mkfifo pipe'),
      calls.editor({ command: 'view', path: 'zero' }),
      calls.editor({ command: 'view', path: 'pipe' }),
    );
    expect(results[1]).toEqual({ type: 'text_editor_code_execution_create_result', is_file_update: false });
    expect(results[2]).toMatchObject({ lines: ['-a', '+b'] });
    for (const result of results.slice(4)) expect(result).toMatchObject({ error_code: 'invalid_tool_input' });
    expect(results.length).toBe(6);
  });
});

describe('arguments of a hostile model', attacking('requests'), () => {
  it('are refused in words, and the model goes on', async () => {
    const hostile = [
      calls.editor({ command: 'view', path: 'a\0b' }),
      calls.editor({ command: 'view', path: '/'.repeat(10_000) }),
      calls.editor({ command: 'view', path: ['a'] }),
      calls.editor({ command: 'constructor', path: 'a' }),
      calls.editor({ command: 'view', path: '.', view_range: [1e300, -1e300] }),
      { call: 'text_editor_code_execution', arguments: '{"__proto__": {"command": "view"}, "path": "x"' },
      { call: 'bash_code_execution', arguments: JSON.stringify({ command: { toString: 1 } }) },
    ];
    for (const call of hostile) {
      const results = await resultsOf(call);
      expect(results).toMatchObject([{ error_code: 'invalid_tool_input' }]);
    }
    expect(await resultsOf({ call: 'bash_code_execution', arguments: '['.repeat(100_000) })).toMatchObject([
      { return_code: expect.any(Number) },
    ]);
  });
});

describe('requests of a hostile client', attacking('requests'), () => {
  it('are refused in words', async () => {
    const deep = JSON.parse(`${'{"a":'.repeat(400)}1${'}'.repeat(400)}`);
    const bodies: Json[] = [
      { messages: { length: 1, 0: { role: 'user', content: 'x' } } },
      { messages: [{ role: 'user', content: [{ type: 'constructor' }] }] },
      {
        messages: [
          { role: 'user', content: [{ type: 'image', source: { type: 'base64', media_type: 'x', data: '!' } }] },
        ],
      },
      {
        messages: [{ role: 'user', content: [{ type: 'image', source: { type: 'url', url: 'file:///etc/passwd' } }] }],
      },
      { tools: [{ name: '../x', input_schema: {} }] },
      { tools: [{ name: 'x', input_schema: deep, allowed_callers: ['code_execution_20260120'] }, ...tools] },
      { container: `container_${'x'.repeat(200)}` },
      { container: { id: '../../etc/passwd' }, tools },
      { tools, messages: [{ role: 'user', content: [{ type: 'container_upload', file_id: '../../etc/passwd' }] }] },
      { tools: Array(2000).fill({ name: 'x', input_schema: {} }) },
    ];
    for (const body of bodies) {
      service.upstream.reset();
      service.upstream.always([calls.python('1')]);
      const { status, json } = await post(body);
      expect([JSON.stringify(body).slice(0, 80), status >= 400 && status < 500, json.type]).toEqual([
        JSON.stringify(body).slice(0, 80),
        true,
        'error',
      ]);
    }
  });
});

describe('another key', attacking('tenants'), () => {
  it('finds no container, no file and no upload', async () => {
    const { client, other, upstream } = service;
    upstream.reset();
    upstream.say([calls.python('open("a.txt", "w").write("a")')], [{ text: 'Done.' }]);
    const asked = { model, max_tokens: 1000, tools, messages: [{ role: 'user', content: 'Go' }] };
    const message: Json = await client.messages.create(asked as never);
    const made = message.content[1].content.content[0].file_id;
    const uploaded = await client.beta.files.upload({ file: new File(['u'], 'u.txt') });
    const missing = (promise: Promise<unknown>) => expect(promise).rejects.toMatchObject({ status: 404 });
    for (const id of [made, uploaded.id]) {
      await missing(other.beta.files.retrieveMetadata(id));
      await missing(other.beta.files.download(id));
      await missing(other.beta.files.delete(id));
      const content = [{ type: 'container_upload', file_id: id }];
      await missing(other.messages.create({ ...asked, messages: [{ role: 'user', content }] } as never));
    }
    await missing(other.messages.create({ ...asked, container: message.container.id } as never));
    expect(await Array.fromAsync(other.beta.files.list())).toEqual([]);
    expect(await Array.fromAsync(other.beta.files.list({ ids: [made, uploaded.id] } as never))).toEqual([]);
    expect(await (await client.beta.files.download(made)).text()).toBe('a');
  });
});
