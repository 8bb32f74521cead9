// The Vercel AI SDK: the code interpreter is one of the provider's tools, beside tools of your own.
import { createOpenAI } from '@ai-sdk/openai';
import { streamText } from 'ai';

const dragoman = createOpenAI({
  baseURL: process.env.URL ?? 'http://127.0.0.1:8080/v1',
  apiKey: process.env.KEY,
});

const { fullStream } = streamText({
  model: dragoman.responses(process.env.MODEL ?? 'default'),
  tools: { python: dragoman.tools.codeInterpreter({}) },
  prompt: 'How many primes are there below 10 000?',
});

for await (const part of fullStream) {
  if (part.type === 'tool-call') console.log(`--- code\n${part.input.code}`);
  if (part.type === 'tool-result') console.log(`--- outputs\n${JSON.stringify(part.output.outputs)}`);
  if (part.type === 'text-delta') process.stdout.write(part.text);
  if (part.type === 'error') throw part.error;
}
console.log();
