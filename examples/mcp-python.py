"""Runs code through Dragoman's MCP server. Needs: pip install mcp"""

import asyncio
import os

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

url = os.environ.get("MCP_URL", "http://127.0.0.1:8080/mcp")
code = """
import matplotlib.pyplot as plt
plt.plot([1, 4, 9]); plt.show()
open("squares.csv", "w").write("1,4,9")
sum([1, 4, 9])
"""


async def main() -> None:
    headers = {"x-api-key": os.environ["KEY"]}
    async with httpx2.AsyncClient(headers=headers, timeout=120) as http:
        async with Client(streamable_http_client(url, http_client=http)) as client:
            tools = await client.list_tools()
            print("tools", [tool.name for tool in tools.tools])
            result = await client.call_tool("run_code", {"code": code})
            for block in result.content:
                print(block.type, getattr(block, "text", None) or getattr(block, "uri", ""))
            # The handle is in the text for models, and here for programs.
            run = result.meta["dragoman/run"]
            again = await client.call_tool("run_code", {"code": "plt.__name__", "session_id": run["session_id"]})
            print(again.content[0].text.splitlines()[0])
            link = next(block for block in result.content if block.type == "resource_link")
            file = await client.read_resource(link.uri)
            print(link.name, file.contents[0].text)


asyncio.run(main())
