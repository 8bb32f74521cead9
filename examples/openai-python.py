"""A file goes in, the model works on it in a container, and the files it makes come back.

pip install openai
"""

import os
import pathlib

from openai import OpenAI

model = os.environ.get("MODEL", "default")
client = OpenAI(
    base_url=os.environ.get("URL", "http://127.0.0.1:8080/v1"),
    api_key=os.environ["KEY"],
)

csv = client.files.create(file=("cities.csv", b"city,people\nOslo,717710\nBergen,291940\n"), purpose="user_data")

response = client.responses.create(
    model=model,
    tools=[{"type": "code_interpreter", "container": {"type": "auto", "file_ids": [csv.id]}}],
    include=["code_interpreter_call.outputs"],
    input="Add up the people in cities.csv and write the sum to sum.txt.",
)

for item in response.output:
    if item.type == "code_interpreter_call":
        print(item.code)
        for output in item.outputs or []:
            print(output.logs if output.type == "logs" else "[image]")
print(response.output_text)

for item in response.output:
    for part in item.content if item.type == "message" else []:
        for file in part.annotations:
            if file.type != "container_file_citation":
                continue
            content = client.containers.files.content.retrieve(file.file_id, container_id=file.container_id)
            pathlib.Path(file.filename).write_bytes(content.read())
            print("saved", file.filename)
