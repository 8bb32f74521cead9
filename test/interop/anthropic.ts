import { calls } from '../support/anthropic.ts';
import type { ScriptedUpstream } from '../support/upstream.ts';

/** What `anthropic` for Python does: whole, streamed, with files, with tools of its own by the runner, and failing properly. */
const program = `
import os, anthropic
client = anthropic.Anthropic(base_url=os.environ["URL"], api_key=os.environ["KEY"], max_retries=0)
tools = [{"type": "code_execution_20250825", "name": "code_execution"}]
ask = dict(model=os.environ["MODEL"], max_tokens=1000, tools=tools)
go = {"role": "user", "content": "Go"}
first = client.messages.create(messages=[go], **ask)
print("ran", [block.type for block in first.content], first.content[1].content.stdout.strip(), first.stop_reason)
print("expires", first.container.expires_at.tzinfo is not None, first.usage.input_tokens, first.usage.output_tokens)
with client.messages.stream(messages=[go], container=first.container.id, **ask) as stream:
    texts = [text for text in stream.text_stream]
    second = stream.get_final_message()
print("streamed", texts, second.content[1].content.stdout.strip())
history = [go, {"role": "assistant", "content": second.content}, {"role": "user", "content": "Again"}]
third = client.messages.create(messages=history, **ask)
print("history", third.content[0].text)
stored = client.beta.files.upload(file=("given.txt", b"given"))
content = [{"type": "text", "text": "Read"}, {"type": "container_upload", "file_id": stored.id}]
fourth = client.beta.messages.create(messages=[{"role": "user", "content": content}], **ask)
made = fourth.content[1].content.content[0].file_id
print("file", stored.filename, client.beta.files.download(made).read(), client.beta.files.retrieve_metadata(made).filename)
print("deleted", client.beta.files.delete(stored.id).type, stored.id in [file.id for file in client.beta.files.list()])

@anthropic.beta_tool
def weather(at: str) -> str:
    """Tells the weather.

    Args:
        at: A city.
    """
    return "sun in " + at

runner = client.beta.messages.tool_runner(messages=[go], **{**ask, "tools": tools + [weather]})
print("runner", runner.until_done().content[-1].text)
print("tokens", client.messages.count_tokens(model=os.environ["MODEL"], messages=[go]).input_tokens > 0)
print("models", [model.id for model in client.models.list()])
for failing in (dict(container="container_none"), dict(max_tokens=0)):
    try:
        client.messages.create(messages=[go], **{**ask, **failing})
    except anthropic.APIStatusError as error:
        print("error", type(error).__name__, error.body["error"]["type"], error.request_id is not None)
`;

/** Checks `anthropic` for Python. @param run runs a program of Python with these variables; returns what it printed */
export async function checkAnthropic(
  upstream: ScriptedUpstream,
  model: string,
  run: (program: string) => Promise<string>,
): Promise<void> {
  upstream.say([calls.python('x = 41\nprint("kept")')], [{ text: 'Kept.' }]);
  upstream.say([calls.bash('echo 42')], [{ text: ['It is ', '42.'] }]);
  upstream.say([{ text: 'As I said.' }]);
  upstream.say([calls.python('open("made.txt", "w").write(open("given.txt").read().upper())')], [{ text: 'Made.' }]);
  upstream.say([{ call: 'weather', arguments: { at: 'Rome' } }], ({ body }) => [
    { text: `${body.messages.at(-1).content}!` },
  ]);
  const said = await run(program);
  for (const part of [
    "ran ['server_tool_use', 'code_execution_tool_result', 'text'] kept end_turn",
    'expires True 20 10',
    "streamed ['It is ', '42.'] 42",
    'history As I said.',
    "file given.txt b'GIVEN' made.txt",
    'deleted file_deleted False',
    'runner sun in Rome!',
    'tokens True',
    `models ['${model}']`,
    'error NotFoundError not_found_error True',
    'error BadRequestError invalid_request_error True',
  ])
    if (!said.includes(part)) throw new Error(`expected ${JSON.stringify(part)} in:\n${said}`);
}
