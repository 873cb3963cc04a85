"""Runs a script of calls with the official Python SDK 1.x and prints what came of each as JSON.

The task comes as JSON on standard input: url, mode (`streamable` or `sse`), headers, steps.
"""

import asyncio
import json
import sys
from datetime import timedelta
from typing import Any

import mcp.types as types
from mcp import ClientSession, McpError
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamablehttp_client

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


async def do(session: ClientSession, step: dict[str, Any]) -> Any:
    match step["do"]:
        case "list":
            return plain(await getattr(session, "list_" + step["what"])())
        case "tool":
            seen.update(progress=0, log=0)
            return plain(await session.call_tool(step["name"], step["arguments"], progress_callback=progress)) | seen
        case "resource":
            return plain(await session.read_resource(step["uri"]))
        case "prompt":
            return plain(await session.get_prompt(step["name"], step["arguments"]))
        case "complete":
            ref = types.PromptReference(type="ref/prompt", name=step["prompt"])
            return plain(await session.complete(ref, step["argument"]))
        case "ping":
            return plain(await session.send_ping())
    raise ValueError(step)


async def main() -> None:
    results = []
    connect = sse_client if task["mode"] == "sse" else streamablehttp_client
    async with (
        connect(task["url"], headers=task["headers"]) as streams,
        ClientSession(
            streams[0],
            streams[1],
            read_timeout_seconds=timedelta(seconds=20),
            sampling_callback=sample,
            elicitation_callback=elicit,
            logging_callback=log,
            client_info=types.Implementation(name="e2e-python-1", version="1"),
        ) as session,
    ):
        revision = (await session.initialize()).protocolVersion
        for step in task["steps"]:
            try:
                results.append({"result": await do(session, step)})
            except McpError as error:
                results.append({"error": {"code": error.error.code, "message": error.error.message}})
    print(json.dumps({"results": results, "revision": revision}))


asyncio.run(main())
