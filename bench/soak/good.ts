import { createHash, randomBytes } from 'node:crypto';
import { type ExecAnswer, exec } from '../../test/support/client.ts';
import { LibreChatClient } from '../../test/support/librechat.ts';
import { type CellAnswer, nativeClient } from '../../test/support/native.ts';
import type { TestServer } from '../../test/support/server.ts';
import type { Scripted } from '../../test/support/upstream.ts';

export type Target = Pick<TestServer, 'url' | 'key'>;
export type Work = (server: Target) => Promise<void>;

const newNonce = () => randomBytes(8).toString('hex');
const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');

/** Each checks its own answer: a nonce has to come back, a file has to have the right bytes. */
export function goodWork(languages: readonly string[]): Work[] {
  return [
    ...programs,
    ...Object.entries(compiled)
      .filter(([name]) => languages.includes(name))
      .map(
        ([lang, code]) =>
          (server: Target) =>
            echo(server, lang, code),
      ),
    fileThere,
    upload,
    malformed,
    session('python', (nonce) => [`kept = "${nonce}"`, 'print(kept)']),
    session('javascript', (nonce) => [`const kept = "${nonce}"`, 'console.log(kept)']),
    session('bash', (nonce) => [`kept=${nonce}`, 'echo $kept']),
    toolProgram,
    responses,
    conversation,
  ];
}

const programs: readonly Work[] = [
  (server) => echo(server, 'py', (nonce) => `print("${nonce}")`),
  (server) =>
    echo(server, 'py', (nonce) => `import asyncio\nasync def f(): return "${nonce}"\nprint(asyncio.run(f()))`),
  (server) => echo(server, 'py', (nonce) => `import pandas as pd\nprint(pd.DataFrame({"a": ["${nonce}"]}).a[0])`),
  (server) => echo(server, 'bash', (nonce) => `echo ${nonce} | tr a-z a-z`),
  (server) => echo(server, 'js', (nonce) => `console.log("${nonce}")`),
  (server) => echo(server, 'ts', (nonce) => `const n: string = "${nonce}"; console.log(n)`),
];

/** Compiled anew each time, but for the last: that one is compiled once. */
const compiled: Readonly<Record<string, (nonce: string) => string>> = {
  c: (nonce) => `#include <stdio.h>\nint main(void) { puts("${nonce}"); }`,
  go: (nonce) => `package main\nimport "fmt"\nfunc main() { fmt.Println("${nonce}") }`,
  php: (nonce) => `<?php echo "${nonce}\\n";`,
};

export async function echo(server: Target, lang: string, code: (nonce: string) => string): Promise<void> {
  const nonce = newNonce();
  expectText(await exec(server, { lang, code: code(nonce) }), `${nonce}\n`);
}

/** A file a program made comes out as it is, and goes into another program. */
async function fileThere(server: Target): Promise<void> {
  const nonce = randomBytes(20_000).toString('hex');
  const code = `import os\nos.makedirs("out")\nopen("out/n.txt", "w").write("${nonce}")`;
  const answer = await exec(server, { lang: 'py', code });
  const file = answer.files[0];
  if (!file) throw new Error(`no file came out: ${JSON.stringify(answer)}`);
  const { bytes } = await client(server).download(file.storage_session_id, file.id);
  if (sha256(bytes) !== sha256(nonce)) throw new Error('a file came out changed');
  const again = await exec(server, {
    lang: 'py',
    code: 'print(len(open("in.txt").read()))',
    files: [{ ...file, session_id: file.storage_session_id, name: 'in.txt' }],
  });
  expectText(again, `${nonce.length}\n`);
}

async function upload(server: Target): Promise<void> {
  const content = randomBytes(300_000);
  const file = await client(server).attach('data.bin', content, { kind: 'user', id: 'u1' });
  const { bytes } = await client(server).download(file.storage_session_id, file.id, '?kind=user&id=u1');
  if (sha256(bytes) !== sha256(content)) throw new Error('an upload came back changed');
  const sum = await exec(server, { lang: 'bash', code: 'sha256sum < data.bin | cut -c1-64', files: [file] });
  expectText(sum, `${sha256(content)}\n`);
}

async function malformed(server: Target): Promise<void> {
  const headers = { 'x-api-key': server.key, 'content-type': 'application/json' };
  const response = await fetch(`${server.url}/v1/exec`, { method: 'POST', headers, body: '{"lang":' });
  await response.text();
  if (response.status !== 400) throw new Error(`malformed JSON was answered ${response.status}`);
}

/** What one cell keeps the next one has; the session is removed. */
function session(language: string, cells: (nonce: string) => readonly string[]): Work {
  return async (server) => {
    const native = nativeClient(server);
    const nonce = newNonce();
    const id = await native.session();
    try {
      const answers: CellAnswer[] = [];
      for (const code of cells(nonce)) answers.push(await native.cell(id, code, { language }));
      const last = answers.at(-1)!;
      if (last.outcome !== 'completed' || last.stdout !== `${nonce}\n` || last.state !== 'continued')
        throw new Error(`a session forgot: ${JSON.stringify(last).slice(0, 500)}`);
      await native.json('PUT', `/sessions/${id}/files/in.txt`, `"${nonce}"`);
      const read = await native.cell(id, 'cat in.txt', { language: 'bash' });
      if (read.stdout.trim() !== `"${nonce}"`) throw new Error(`a session lost a file: ${JSON.stringify(read)}`);
    } finally {
      await (await native.send('DELETE', `/sessions/${id}`)).text();
    }
  };
}

/** A program whose calls are answered twice, each time with what it does not know. */
async function toolProgram(server: Target): Promise<void> {
  const native = nativeClient(server);
  const code = 'a = await tools.echo(n=1)\nb = await tools.echo(n=2)\nprint(a + b)';
  const tools = [{ name: 'echo', parameters: { type: 'object', properties: { n: { type: 'integer' } } } }];
  const parts = [newNonce(), newNonce()];
  let answer = await native.json<CellAnswer>('POST', '/executions', { language: 'python', code, tools });
  for (const value of parts) {
    const results = answer.tool_calls?.map(({ id }) => ({ id, value }));
    if (results?.length !== 1) throw new Error(`no tool was called: ${JSON.stringify(answer).slice(0, 500)}`);
    answer = await native.json('POST', `/executions/${answer.id}/tool_results`, { results });
  }
  if (answer.stdout !== `${parts.join('')}\n`) throw new Error(`a tool's answer was lost: ${JSON.stringify(answer)}`);
}

/** The model of the soak: it runs what the last message says, then says what came of it. */
export const soakModel: Scripted = ({ body }) => {
  const { role, content } = body.messages.at(-1);
  const text = typeof content === 'string' ? content : content.map((part: { text: string }) => part.text).join('');
  return role === 'tool' ? [{ text: `It printed ${text}` }] : [{ python: text }];
};

async function responses(server: Target): Promise<void> {
  const nonce = newNonce();
  const body = {
    model: 'soak',
    input: `print("${nonce}")`,
    tools: [{ type: 'code_interpreter', container: { type: 'auto' } }],
  };
  const answer = await openAi<ResponseAnswer>(server, '/responses', body);
  const text = answer.output.find(({ type }) => type === 'message')?.content?.[0]?.text;
  if (answer.status !== 'completed' || !text?.includes(nonce))
    throw new Error(`a response is wrong: ${JSON.stringify(answer).slice(0, 500)}`);
  // It would stay for twenty minutes, for requests that go on from here.
  const container = answer.output.find(({ container_id: id }) => id)?.container_id;
  await (await nativeClient(server).send('DELETE', `/containers/${container}`)).text();
}

interface ResponseAnswer {
  readonly status: string;
  readonly output: readonly {
    readonly type: string;
    readonly container_id?: string;
    readonly content?: readonly { readonly text: string }[];
  }[];
}

async function conversation(server: Target): Promise<void> {
  const nonce = newNonce();
  const messages = [{ role: 'user', content: `print("${nonce}")` }];
  const body = { model: 'soak', messages, tools: [{ type: 'code_interpreter' }] };
  const answer = await openAi<{ choices: { message: { content: string } }[] }>(server, '/chat/completions', body);
  if (!answer.choices[0]?.message.content.includes(nonce))
    throw new Error(`a chat is wrong: ${JSON.stringify(answer).slice(0, 500)}`);
}

async function openAi<T>({ url, key }: Target, path: string, body: object): Promise<T> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const response = await fetch(`${url}/v1${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${path} was answered ${response.status}: ${text.slice(0, 300)}`);
  return JSON.parse(text);
}

function client({ url, key }: Target): LibreChatClient {
  return new LibreChatClient(`${url}/v1`, key);
}

function expectText(answer: ExecAnswer, text: string): void {
  if (answer.httpStatus !== 200 || answer.stdout !== text || answer.code !== 0) {
    throw new Error(`expected ${JSON.stringify(text.slice(0, 80))}: ${JSON.stringify(answer).slice(0, 500)}`);
  }
}
