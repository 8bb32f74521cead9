// The OpenAI Agents SDK: an agent with the hosted code interpreter and a function of yours.
import { Agent, codeInterpreterTool, OpenAIProvider, Runner, setTracingDisabled, tool } from '@openai/agents';
import { z } from 'zod';

// Traces would go to OpenAI.
setTracingDisabled(true);

const modelProvider = new OpenAIProvider({
  baseURL: process.env.URL ?? 'http://127.0.0.1:8080/v1',
  apiKey: process.env.KEY,
  useResponses: true,
});

const temperatures = tool({
  name: 'temperatures',
  description: 'Temperatures of the last days of a city, in degrees Celsius',
  parameters: z.object({ city: z.string() }),
  execute: async ({ city }) => JSON.stringify({ city, celsius: [3, 4, 6, 5, 9] }),
});

const analyst = new Agent({
  name: 'Analyst',
  model: process.env.MODEL ?? 'default',
  instructions: 'Look up the data, then compute with Python.',
  tools: [codeInterpreterTool(), temperatures],
});

const result = await new Runner({ modelProvider }).run(analyst, 'What was the median temperature in Oslo?');
console.log(result.finalOutput);
