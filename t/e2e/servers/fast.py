"""An MCP server on FastMCP: with sessions or without, answering by JSON or event streams, over
HTTP+SSE, and for bearers of a verified token only."""

import argparse
import asyncio

import fastmcp
from fastmcp import Context, FastMCP
from fastmcp.exceptions import ToolError
from fastmcp.server.auth.providers.jwt import JWTVerifier


def build(public_key: str | None) -> FastMCP:
    auth = None
    if public_key:
        with open(public_key) as file:
            auth = JWTVerifier(public_key=file.read(), issuer="https://idp.example.com", audience="crm")
    server = FastMCP("fast", version="1.0.0", auth=auth)

    @server.tool
    def add(a: int, b: int) -> int:
        """Adds two numbers."""
        return a + b

    @server.tool
    def echo(text: str) -> str:
        """Says it again."""
        return text

    @server.tool
    def fail(reason: str) -> str:
        """Fails."""
        raise ToolError(reason)

    @server.tool
    async def count(to: int, ctx: Context) -> str:
        """Counts, with progress and a log line at every step."""
        for step in range(1, to + 1):
            await ctx.report_progress(step, to, f"step {step}")
            await ctx.info(f"at {step}")
            await asyncio.sleep(0.02)
        return f"counted to {to}"

    @server.resource("fixture://greeting")
    def greeting() -> str:
        """A text."""
        return "good morning"

    @server.resource("fixture://pages/{number}")
    def page(number: str) -> str:
        """A page of a book."""
        return f"page {number}"

    @server.prompt
    def review(subject: str, tone: str = "kind") -> str:
        """Asks for a review."""
        return f"Write a {tone} review of {subject}."

    return server


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--transport", choices=["http", "sse"], default="http")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--stateless", action="store_true")
    parser.add_argument("--public-key")
    options = parser.parse_args()
    fastmcp.settings.check_for_updates = "off"
    build(options.public_key).run(
        transport=options.transport,
        host="127.0.0.1",
        port=options.port,
        show_banner=False,
        log_level="ERROR",
        uvicorn_config={"timeout_graceful_shutdown": 1},
        **({} if options.transport == "sse" else {"json_response": options.json, "stateless_http": options.stateless}),
    )


if __name__ == "__main__":
    main()
