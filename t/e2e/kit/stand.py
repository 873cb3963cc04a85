"""The clients and servers, how each is started, and what each is asked to do."""

import json
import os
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Iterator

from .process import free_port, listening

HERE = Path(__file__).resolve().parent.parent
HOME = Path(os.environ.get("E2E_HOME") or HERE.parent.parent / "build" / "e2e")
PACKAGES = HOME / "node"
EVERYTHING = PACKAGES / "node_modules/@modelcontextprotocol/server-everything/dist/index.js"
CLIENT_SECONDS_MAX = 180


def node() -> str:
    """Node.js 22, which came from npm: the system's may be too old for the Inspector."""
    found = sorted(PACKAGES.glob("node_modules/node-linux-*/bin/node"))
    return str(found[0])


PYTHON = str(HOME / "python/bin/python")
PYTHON_MCP_1 = str(HOME / "python-mcp-1/bin/python")


def step(do: str, **more: Any) -> dict[str, Any]:
    return {"do": do, **more}


def tool(name: str, **given: Any) -> dict[str, Any]:
    return step("tool", name=name, arguments=given)


FAST_STEPS = [
    step("list", what="tools"),
    step("list", what="resources"),
    step("list", what="resource_templates"),
    step("list", what="prompts"),
    tool("add", a=2, b=3),
    tool("echo", text="Zürich 世界 \u0007 \"quoted\""),
    tool("fail", reason="because"),
    tool("count", to=3),
    tool("no_such_tool", x=1),
    step("resource", uri="fixture://greeting"),
    step("resource", uri="fixture://pages/7"),
    step("resource", uri="fixture://nowhere"),
    step("prompt", name="review", arguments={"subject": "nginx"}),
    step("prompt", name="no_such_prompt", arguments={}),
]
FIXTURE_STEPS = FAST_STEPS + [
    tool("refuse", code=-32050),
    tool("tool with ünïcode", word="straße"),
    tool("echo", text="x" * 60_000),
    tool("greet"),
    tool("think"),
    tool("test_reconnection"),
    step("complete", prompt="review", argument={"name": "tone", "value": "k"}),
    step("ping"),
]
EVERYTHING_STEPS = [
    step("list", what="tools"),
    step("list", what="resources"),
    step("list", what="resource_templates"),
    step("list", what="prompts"),
    tool("echo", message="Zürich 世界"),
    tool("get-sum", a=2, b=3),
    tool("trigger-long-running-operation", duration=0.3, steps=3),
    tool("get-structured-content", location="Chicago"),
    tool("get-tiny-image"),
    tool("no-such-tool"),
    tool("trigger-sampling-request", prompt="hello", maxTokens=10),
    tool("trigger-elicitation-request"),
    step("resource", uri="demo://resource/static/document/architecture.md"),
    step("resource", uri="demo://nowhere"),
    step("prompt", name="args-prompt", arguments={"city": "Paris"}),
    step("complete", prompt="completable-prompt", argument={"name": "department", "value": "S"}),
    step("ping"),
]


@dataclass(frozen=True)
class Server:
    """An official server, one way it can be run."""

    name: str
    command: tuple[str, ...]
    path: str
    steps: tuple[dict[str, Any], ...] = field(hash=False)
    is_modern: bool = False
    is_http_sse: bool = False
    needs_token: bool = False
    env: tuple[tuple[str, str], ...] = ()

    @contextmanager
    def running(self, folder: Path, pem: Path) -> Iterator[int]:
        """The port it listens on while the block runs."""
        port = free_port()
        command = [part.replace("PORT", str(port)).replace("PEM", str(pem)) for part in self.command]
        command = [node() if part == "NODE" else part for part in command]
        env = {name: value.replace("PORT", str(port)) for name, value in self.env}
        with listening(command, port, folder / f"{self.name}.log", env):
            yield port


def python(name: str, file: str, *options: str, path: str = "/mcp", **more: Any) -> Server:
    command = (PYTHON, str(HERE / "servers" / file), "--port", "PORT", *options)
    steps = FIXTURE_STEPS if file == "fixture.py" else FAST_STEPS
    return Server(name, command, path, tuple(steps), **more)


def everything(name: str, transport: str, **more: Any) -> Server:
    command = ("NODE", "--import", str(HERE / "servers/loopback.mjs"), str(EVERYTHING), transport)
    return Server(name, command, steps=tuple(EVERYTHING_STEPS), env=(("PORT", "PORT"),), **more)


SERVERS = [
    python("mcp", "fixture.py", is_modern=True),
    python("mcp-json", "fixture.py", "--json", is_modern=True),
    python("mcp-stateless", "fixture.py", "--stateless", is_modern=True),
    python("mcp-sse", "fixture.py", "--transport", "sse", path="/sse", is_http_sse=True),
    python("fastmcp", "fast.py", is_modern=True),
    python("fastmcp-json", "fast.py", "--json", is_modern=True),
    python("fastmcp-stateless", "fast.py", "--stateless", is_modern=True),
    python("fastmcp-sse", "fast.py", "--transport", "sse", path="/sse", is_http_sse=True),
    python("fastmcp-jwt", "fast.py", "--public-key", "PEM", is_modern=True, needs_token=True),
    everything("everything", "streamableHttp", path="/mcp"),
    everything("everything-sse", "sse", path="/sse", is_http_sse=True),
]


@dataclass(frozen=True)
class Client:
    """An official client, in one of its modes."""

    name: str
    command: tuple[str, ...]
    mode: str
    package: str = ""

    @property
    def is_http_sse(self) -> bool:
        return self.mode == "sse"

    @property
    def is_inspector(self) -> bool:
        return self.name.startswith("inspector")

    def talks_to(self, server: Server) -> bool:
        if self.is_http_sse or server.is_http_sse:
            return self.is_http_sse and server.is_http_sse
        return server.is_modern or self.mode not in ("2026-07-28", "modern")

    def steps(self, server: Server) -> list[dict[str, Any]]:
        """The server's script, less what this client has no command for."""
        steps = list(server.steps)
        if self.is_inspector:
            # It has no command for completion or ping, asks a person, and starts anew each time.
            left_out = ("greet", "think", "trigger-sampling-request", "trigger-elicitation-request", "no_such_tool", "no-such-tool")
            steps = [one for one in steps if one["do"] not in ("complete", "ping") and one.get("name") not in left_out]
            steps = [one for one in steps if len(json.dumps(one)) < 4096][:9]
        if self.mode in ("auto", "2026-07-28", "modern") and server.is_modern:
            # A method of the older revisions only.
            steps = [one for one in steps if one["do"] != "ping"]
        if "stateless" in server.name and self.mode not in ("auto", "2026-07-28", "modern"):
            # A server that keeps no session has nobody to ask.
            steps = [one for one in steps if one.get("name") not in ("greet", "think")]
        return steps

    def run(self, server: Server, port: int, headers: dict[str, str]) -> dict[str, Any]:
        """Runs the script and returns what the client printed."""
        task = {
            "url": f"http://127.0.0.1:{port}{server.path}",
            "mode": self.mode,
            "package": self.package,
            "packages": str(PACKAGES),
            "node": node(),
            "headers": headers,
            "steps": self.steps(server),
        }
        command = [node() if part == "NODE" else part for part in self.command]
        ran = subprocess.run(
            command, input=json.dumps(task), capture_output=True, text=True, timeout=CLIENT_SECONDS_MAX
        )
        assert ran.returncode == 0, f"{self.name} ended with {ran.returncode}:\n{ran.stderr[-4000:]}"
        return json.loads(ran.stdout.strip().splitlines()[-1])


def clients(name: str, command: tuple[str, ...], modes: list[str], package: str = "") -> list[Client]:
    return [Client(f"{name}-{mode}", command, mode, package) for mode in modes]


CLIENTS = [
    *clients("python-2", (PYTHON, str(HERE / "clients/python_sdk.py")), ["auto", "legacy", "2026-07-28", "sse"]),
    *clients("python-1", (PYTHON_MCP_1, str(HERE / "clients/python_sdk_1.py")), ["streamable", "sse"]),
    *clients("sdk-1", ("NODE", str(HERE / "clients/typescript.mjs")), ["legacy", "sse"], "sdk"),
    *clients("client-2", ("NODE", str(HERE / "clients/typescript.mjs")), ["legacy", "auto", "2026-07-28", "sse"], "client"),
    *clients("inspector", (PYTHON, str(HERE / "clients/inspector.py")), ["legacy", "auto", "modern", "sse"]),
]


def every_pair() -> list[tuple[Client, Server]]:
    """All that can talk to each other."""
    return [(client, server) for client in CLIENTS for server in SERVERS if client.talks_to(server)]


def few_pairs() -> list[tuple[Client, Server]]:
    """Every client and every server at least once."""
    chosen: list[tuple[Client, Server]] = []
    by_client = {client.name: client for client in CLIENTS}
    by_server = {server.name: server for server in SERVERS}
    for names in (
        "python-2-auto mcp",
        "python-2-legacy mcp-json",
        "python-2-2026-07-28 mcp-json",
        "python-2-sse everything-sse",
        "python-2-auto everything",
        "python-1-streamable fastmcp-stateless",
        "python-1-sse fastmcp-sse",
        "sdk-1-legacy everything",
        "sdk-1-sse mcp-sse",
        "client-2-legacy mcp",
        "client-2-auto fastmcp-jwt",
        "client-2-2026-07-28 mcp-stateless",
        "client-2-sse everything-sse",
        "inspector-legacy fastmcp",
        "inspector-auto everything",
        "inspector-modern fastmcp-json",
        "inspector-sse fastmcp-sse",
    ):
        client, server = names.split(" ")
        chosen.append((by_client[client], by_server[server]))
    assert {client.name for client, _ in chosen} == set(by_client)
    assert {server.name for _, server in chosen} == set(by_server)
    return chosen
