// A file goes in, the model works on it in a container, and the files it makes come back.
import { writeFile } from 'node:fs/promises';
import OpenAI, { toFile } from 'openai';

const client = new OpenAI({
  baseURL: process.env.URL ?? 'http://127.0.0.1:8080/v1',
  apiKey: process.env.KEY,
});

const csv = await client.files.create({
  file: await toFile(Buffer.from('city,people\nOslo,717710\nBergen,291940\n'), 'cities.csv'),
  purpose: 'user_data',
});

const stream = client.responses.stream({
  model: process.env.MODEL,
  tools: [{ type: 'code_interpreter', container: { type: 'auto', file_ids: [csv.id] } }],
  include: ['code_interpreter_call.outputs'],
  input: 'Add up the people in cities.csv and write the sum to sum.txt.',
});

for await (const event of stream) {
  if (event.type === 'response.code_interpreter_call_code.delta') process.stdout.write(event.delta);
  if (event.type === 'response.code_interpreter_call.interpreting') process.stdout.write('\n--- running\n');
  if (event.type === 'response.output_text.delta') process.stdout.write(event.delta);
}

const response = await stream.finalResponse();
const annotations = response.output
  .flatMap((item) => (item.type === 'message' ? item.content : []))
  .flatMap((part) => (part.type === 'output_text' ? part.annotations : []));
for (const file of annotations) {
  if (file.type !== 'container_file_citation') continue;
  const content = await client.containers.files.content.retrieve(file.file_id, { container_id: file.container_id });
  await writeFile(file.filename, Buffer.from(await content.arrayBuffer()));
  console.log(`\nsaved ${file.filename}`);
}

// The container keeps its variables and files for what is asked next.
const next = await client.responses.create({
  model: process.env.MODEL,
  previous_response_id: response.id,
  tools: [{ type: 'code_interpreter', container: { type: 'auto' } }],
  input: 'And half of it?',
});
console.log(next.output_text);
