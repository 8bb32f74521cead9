// Anthropic's client: a file goes in, any model works on it with Python, Bash and an editor, and the files it makes come back.
import { writeFile } from 'node:fs/promises';
import Anthropic, { toFile } from '@anthropic-ai/sdk';

const client = new Anthropic({
  // This client puts `/v1` in front by itself.
  baseURL: (process.env.URL ?? 'http://127.0.0.1:8080/v1').replace(/\/v1\/?$/, ''),
  apiKey: process.env.KEY,
});

const csv = await client.beta.files.upload({
  file: await toFile(Buffer.from('city,people\nOslo,717710\nBergen,291940\n'), 'cities.csv'),
});

const stream = client.messages.stream({
  model: process.env.MODEL ?? 'default',
  max_tokens: 4096,
  tools: [{ type: 'code_execution_20250825', name: 'code_execution' }],
  messages: [
    {
      role: 'user',
      content: [
        { type: 'text', text: 'Add up the people in cities.csv and write the sum to sum.txt.' },
        { type: 'container_upload', file_id: csv.id },
      ],
    },
  ],
});
stream.on('text', (text) => process.stdout.write(text));
stream.on('contentBlock', (block) => {
  if (block.type === 'server_tool_use') console.log(`--- ${block.name}`, block.input);
});

const message = await stream.finalMessage();
console.log();
for (const block of message.content) {
  if (!block.type.endsWith('code_execution_tool_result')) continue;
  for (const { file_id } of block.content.content ?? []) {
    const { filename } = await client.beta.files.retrieveMetadata(file_id);
    await writeFile(filename, Buffer.from(await (await client.beta.files.download(file_id)).arrayBuffer()));
    console.log('saved', filename);
  }
}
// Variables and files are there for the next request that names the container.
console.log('container', message.container.id, 'until', message.container.expires_at);
