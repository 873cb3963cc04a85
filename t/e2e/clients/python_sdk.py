"""Runs a script of calls with the official Python SDK 2.x and prints what came of each as JSON.

The task comes as JSON on standard input: url, mode (`auto`, `legacy`, a revision, or `sse`),
headers, steps.
"""

import asyncio
import json
import sys
import warnings
from contextlib import asynccontextmanager
from typing import Any

warnings.simplefilter("ignore")

import httpx2
import mcp_types as types
from mcp import Client, MCPError
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client

task = json.load(sys.stdin)
seen = {"progress": 0, "log": 0}


async def progress(*_: Any) -> None:
    seen["progress"] += 1


async def log(*_: Any) -> None:
    seen["log"] += 1


async def elicit(_: Any, params: Any) -> types.ElicitResult:
    return types.ElicitResult(action="accept", content={"name": "Ada"})


async def sample(_: Any, params: Any) -> types.CreateMessageResult:
    content = types.TextContent(type="text", text="word")
    return types.CreateMessageResult(role="assistant", content=content, model="model")


def plain(result: Any) -> Any:
    return result.model_dump(mode="json", by_alias=True, exclude_none=True)


async def do(client: Client, step: dict[str, Any]) -> Any:
    match step["do"]:
        case "list":
            return plain(await getattr(client, "list_" + step["what"])(cache_mode="bypass"))
        case "tool":
            seen.update(progress=0, log=0)
            return plain(await client.call_tool(step["name"], step["arguments"], progress_callback=progress)) | seen
        case "resource":
            return plain(await client.read_resource(step["uri"], cache_mode="bypass"))
        case "prompt":
            return plain(await client.get_prompt(step["name"], step["arguments"]))
        case "complete":
            ref = types.PromptReference(type="ref/prompt", name=step["prompt"])
            return plain(await client.complete(ref, step["argument"]))
        case "ping":
            return plain(await client.send_ping())
    raise ValueError(step)


@asynccontextmanager
async def transport():
    if task["mode"] == "sse":
        async with sse_client(task["url"], headers=task["headers"]) as streams:
            yield streams
    else:
        async with (
            httpx2.AsyncClient(headers=task["headers"], timeout=30) as http,
            streamable_http_client(task["url"], http_client=http) as streams,
        ):
            yield streams


async def main() -> None:
    results = []
    client = Client(
        transport(),
        mode="legacy" if task["mode"] == "sse" else task["mode"],
        elicitation_callback=elicit,
        sampling_callback=sample,
        logging_callback=log,
        log_level="info",
        client_info=types.Implementation(name="e2e-python", version="2"),
        read_timeout_seconds=20,
    )
    async with client:
        for step in task["steps"]:
            try:
                results.append({"result": await do(client, step)})
            except MCPError as error:
                results.append({"error": {"code": error.error.code, "message": error.error.message}})
        revision = client.protocol_version
    print(json.dumps({"results": results, "revision": revision}))


asyncio.run(main())
