// LangChain: the code interpreter as a tool of the chat model, and a second turn in the same container.
import { HumanMessage } from '@langchain/core/messages';
import { ChatOpenAI, tools } from '@langchain/openai';

const model = new ChatOpenAI({
  model: process.env.MODEL ?? 'default',
  apiKey: process.env.KEY,
  configuration: { baseURL: process.env.URL ?? 'http://127.0.0.1:8080/v1' },
  useResponsesApi: true,
}).bindTools([tools.codeInterpreter()]);

const messages = [new HumanMessage('Keep the first hundred squares in a list.')];
const first = await model.invoke(messages);
console.log(first.text);

messages.push(first, new HumanMessage('What is their sum?'));
console.log((await model.invoke(messages)).text);
